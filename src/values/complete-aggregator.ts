import { invalidInput } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { bundleFields } from './aggregator-schema.ts';
import type { AggregatorValues } from './aggregator-schema.ts';

type RequiredField = 'repository' | 'checkpointsFilePath' | 'outputPath' | 'aggregationType';
type Present<K extends keyof AggregatorValues> = { readonly [F in K]-?: NonNullable<AggregatorValues[F]> };

/** An aggregator with everything that a Job needs; the fields of the later interface (`resourcePath` and so on) are complete or absent. */
export type CompleteAggregator = Omit<AggregatorValues, RequiredField> & Present<RequiredField>;

export interface RequireOptions {
  /** Whether the aggregationId is derived when none is given, as for a scheduled run. */
  readonly idIsDerived?: boolean;
}

const BUNDLE_FIELDS: readonly string[] = Object.keys(bundleFields);
const REQUIRED_BUNDLE_FIELDS = BUNDLE_FIELDS.filter((field) => field !== 'exportType');

// In every release of this image `checkpoint` ends with "'latest_filename' collides with 'save_path'". A mirror usually
// keeps the last part of the name; an image that can export checkpoints needs another one.
const FAILS_ON_CHECKPOINT = /(^|\/)flea-aggregator$/;

const WHY = {
  repository: 'the aggregator’s image, such as docai/flea-aggregator',
  aggregationId: 'the name of this run, e.g. aggregation-{date}-{time}; the same id again creates nothing',
  checkpointsFilePath: 'the object with the list of checkpoints, gs://BUCKET/NAME',
  outputPath: 'the directory for the average, gs://BUCKET/NAME',
  aggregationType: 'cma or wcma',
} as const;

const REQUIRED = ['repository', 'aggregationId', 'checkpointsFilePath', 'outputPath', 'aggregationType'] as const;

/**
 * The aggregator of `values` with everything that a Job needs: image, id, list, output, type, and all fields of the later
 * interface where one of them is given. Throws InvalidRequestError that names every missing field.
 */
export function requireAggregator(
  values: { readonly aggregator?: AggregatorValues | undefined },
  options: RequireOptions = {},
): CompleteAggregator {
  const aggregator = values.aggregator ?? {};
  const required = REQUIRED.filter((field) => field !== 'aggregationId' || options.idIsDerived !== true);
  const issues = [
    ...required.filter((field) => aggregator[field] === undefined).map((field) => missing(field, WHY[field])),
    ...(aggregator.tag === undefined && aggregator.digest === undefined
      ? [missing('tag', 'the image’s tag; or give its digest')]
      : []),
    ...bundleIssues(aggregator),
    ...exportIssues(aggregator),
  ];
  const { repository, checkpointsFilePath, outputPath, aggregationType } = aggregator;
  const complete = repository !== undefined && checkpointsFilePath !== undefined && outputPath !== undefined;
  if (issues.length > 0 || !complete || aggregationType === undefined) throw invalidInput(issues, 'The aggregation is');
  return { ...aggregator, repository, checkpointsFilePath, outputPath, aggregationType };
}

function missing(field: string, why: string): Issue {
  return { path: `aggregator.${field}`, message: `is missing: ${why}` };
}

function bundleIssues(aggregator: AggregatorValues): Issue[] {
  const given = Object.entries(aggregator)
    .filter(([field, value]) => value !== undefined && BUNDLE_FIELDS.includes(field))
    .map(([field]) => field);
  if (given.length === 0) return [];
  const because = `the later interface needs all of ${REQUIRED_BUNDLE_FIELDS.join(', ')}, and ${given.join(', ')} ${given.length === 1 ? 'is' : 'are'} given`;
  return REQUIRED_BUNDLE_FIELDS.filter((field) => !given.includes(field)).map((field) => missing(field, because));
}

function exportIssues({ repository = '', exportType }: AggregatorValues): Issue[] {
  if (exportType !== 'checkpoint' || !FAILS_ON_CHECKPOINT.test(repository)) return [];
  const message = `is checkpoint, which the image ${repository} cannot export: its Saver refuses the file name. Write bundle (the default) or saved_model, or use an image of another name that exports checkpoints`;
  return [{ path: 'aggregator.exportType', message }];
}
