import type { Issue } from '../errors.ts';
import { bundleFields } from './aggregator-schema.ts';
import type { AggregatorValues } from './aggregator-schema.ts';
import { valuesError } from './parse-values.ts';
import type { Values } from './parse-values.ts';

type RequiredField = 'repository' | 'aggregationId' | 'checkpointsFilePath' | 'outputPath' | 'aggregationType';
type BundleField = keyof typeof bundleFields;
type Present<K extends keyof AggregatorValues> = { readonly [F in K]-?: NonNullable<AggregatorValues[F]> };

/** What the aggregator's later interface needs; all of it or none. */
export type BundleValues = Present<BundleField>;

/** An aggregator with all that a Job needs. The type has its short name; which one the image takes depends on its interface (`bundle`). */
export type CompleteAggregator = Omit<AggregatorValues, RequiredField | BundleField> &
  Present<Exclude<RequiredField, 'aggregationType'>> & {
    readonly aggregationType: 'cma' | 'wcma';
    readonly bundle?: BundleValues;
  };

const SHORT_TYPES = {
  cma: 'cma',
  wcma: 'wcma',
  CumulativeMovingAverage: 'cma',
  WeightedCumulativeMovingAverage: 'wcma',
} as const;

const BUNDLE_FIELDS: readonly string[] = Object.keys(bundleFields);

const missing = (field: string, why: string): Issue => ({ path: `aggregator.${field}`, message: `is missing: ${why}` });

const WHY: Readonly<Record<RequiredField, string>> = {
  repository: 'the aggregator’s image, such as docai/flea-aggregator',
  aggregationId: 'the name of this run; a run of a schedule gets its own',
  checkpointsFilePath: 'the object with the list of checkpoints, gs://BUCKET/NAME',
  outputPath: 'the directory for the average, gs://BUCKET/NAME',
  aggregationType: 'cma or wcma',
};

const REQUIRED = ['repository', 'aggregationId', 'checkpointsFilePath', 'outputPath', 'aggregationType'] as const;

const bundleIssues = (aggregator: AggregatorValues): Issue[] => {
  const given = Object.entries(aggregator)
    .filter(([field, value]) => value !== undefined && BUNDLE_FIELDS.includes(field))
    .map(([field]) => field);
  if (given.length === 0) return [];
  const because = `the later interface needs all six or none of its fields, and ${given.join(', ')} ${given.length === 1 ? 'is' : 'are'} given`;
  return BUNDLE_FIELDS.filter((field) => !given.includes(field)).map((field) => missing(field, because));
};

const bundleOf = (aggregator: AggregatorValues): BundleValues | undefined => {
  const { resourcePath, outputResourcePath, repositoryUrl, modelsToken, repositoryApiKey, exportType } = aggregator;
  if (resourcePath === undefined || outputResourcePath === undefined || repositoryUrl === undefined) return undefined;
  if (modelsToken === undefined || repositoryApiKey === undefined || exportType === undefined) return undefined;
  return { resourcePath, outputResourcePath, repositoryUrl, modelsToken, repositoryApiKey, exportType };
};

/**
 * The aggregator of `values`, when all that a Job needs is there: image, id, list, output, type; and all fields of the later interface
 * where one of them is. Throws InvalidRequestError naming every field that lacks.
 */
export const requireAggregator = (values: Pick<Values, 'aggregator'>): CompleteAggregator => {
  const aggregator = values.aggregator ?? {};
  const { repository, aggregationId, checkpointsFilePath, outputPath, aggregationType, ...others } = aggregator;
  const issues = [
    ...REQUIRED.filter((field) => aggregator[field] === undefined).map((field) => missing(field, WHY[field])),
    ...(aggregator.tag === undefined && aggregator.digest === undefined
      ? [missing('tag', 'the image’s tag; or give its digest')]
      : []),
    ...bundleIssues(aggregator),
  ];
  const complete = repository !== undefined && aggregationId !== undefined && checkpointsFilePath !== undefined;
  if (issues.length > 0 || !complete || outputPath === undefined || aggregationType === undefined) {
    throw valuesError(issues, 'The aggregation is');
  }
  const bundle = bundleOf(aggregator);
  const {
    resourcePath: _r,
    outputResourcePath: _o,
    repositoryUrl: _u,
    modelsToken: _t,
    repositoryApiKey: _k,
    exportType: _e,
    ...rest
  } = others;
  return {
    ...rest,
    repository,
    aggregationId,
    checkpointsFilePath,
    outputPath,
    aggregationType: SHORT_TYPES[aggregationType],
    ...(bundle !== undefined && { bundle }),
  };
};
