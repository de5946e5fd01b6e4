import { createHash } from 'node:crypto';
import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import { formatGsUri } from '../storage/uri.ts';
import type { CompleteAggregator } from '../values/complete-aggregator.ts';
import { environmentProblem } from '../values/aggregator-text.ts';
import { requireAggregator } from '../values/complete-aggregator.ts';
import type { Values } from '../values/parse-values.ts';
import { specIssues } from '../jobs/manifest.ts';
import { aggregationIdProblem } from '../jobs/names.ts';
import type { RunRecord } from './record.ts';
import type { AggregationSpec, SpecDefaults } from '../jobs/spec.ts';
import { buildSpec } from '../jobs/spec.ts';
import type { TemplateContext } from '../values/placeholders.ts';
import { fillTemplate, hasPlaceholder } from '../values/placeholders.ts';

/** A complete request: every default is applied, every placeholder filled. */
export interface RunRequest {
  readonly trigger: RunRecord['trigger'];
  readonly requestedBy?: string;
  readonly schedule?: NonNullable<RunRecord['schedule']>;
  readonly spec: AggregationSpec;
  /** The specification with its placeholders unfilled. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly checkSecrets: RunRecord['checkSecrets'];
  /** Set for an uploaded list: the generation that the run aggregates. */
  readonly listGeneration?: string;
  readonly warnings: readonly string[];
}

export interface RequestContext {
  readonly now: Date;
  readonly requestedBy?: string;
  /** Cloud Scheduler's job and tick for its calls; a forced run has no tick, and stands for `now`. */
  readonly scheduler?: { readonly job: string; readonly tick?: Date };
  readonly defaults: SpecDefaults;
}

/** The object's name cannot become a value of the aggregator: no correction of the values would change that. */
export class UnusableListError extends InvalidRequestError {}

const TEMPLATED = ['checkpointsFilePath', 'outputPath', 'resourcePath', 'outputResourcePath'] as const;

interface Id {
  /** `undefined`: the request has none. */
  readonly text: string | undefined;
  readonly warnings: readonly string[];
}

/** An uploaded object that is a checkpoint list. */
export interface UploadedList {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  /** Where its average goes, placeholders filled. */
  readonly outputPath: string;
}

/**
 * What `values` (the configured ones with the request's merged over them, validated) ask for. Placeholders stand for the
 * tick of a scheduled run, else for the moment of the request, in the time zone of the schedule. Throws InvalidRequestError with every fault of the
 * placeholders and the id at once. Pure.
 */
export function buildRunRequest(values: Values, context: RequestContext): RunRequest {
  const { scheduler } = context;
  assertReleased(values);
  const id = idOf(values.aggregator?.aggregationId, context);
  const aggregator = requireAggregator(values, { idIsDerived: id.text !== undefined });
  const schedule = scheduleOf(values, context, aggregator);
  const named = buildSpec(aggregator, id.text ?? '', values.namespace ?? context.defaults.namespace, context.defaults);
  const asked = schedule === undefined ? named : { ...named, schedule: schedule.name };
  const issues: Issue[] = [];
  const kind = scheduler === undefined ? 'request' : scheduler.tick === undefined ? 'forced' : 'tick';
  const timeZone = values.schedules.find(({ name }) => name === schedule?.name)?.timeZone;
  const template = {
    at: scheduler?.tick ?? context.now,
    kind,
    timeZone,
    ...(schedule !== undefined && { schedule: schedule.name }),
  } as const;
  const spec = fillAll(asked, template, issues);
  const found = issues.length > 0 ? issues : [...idIssues(spec.aggregationId), ...specIssues(spec)];
  assertNoIssues(found);
  return {
    trigger: scheduler?.tick === undefined ? 'http' : 'schedule',
    ...(context.requestedBy !== undefined && { requestedBy: context.requestedBy }),
    ...(schedule !== undefined && { schedule }),
    spec,
    asked: { ...asked },
    checkSecrets: checksOf(values),
    warnings: id.warnings,
  };
}

function assertNoIssues(issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  throw new InvalidRequestError(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), issues);
}

function assertReleased({ aggregator }: Values): void {
  if (aggregator?.release !== false) return;
  const message = 'is false: these values ask for no aggregation; set it to true or leave it out';
  throw new InvalidRequestError(`aggregator.release ${message}.`, [{ path: 'aggregator.release', message }]);
}

/**
 * The requested id. In a call of Cloud Scheduler it is `<job>-{tick}` unless it has a placeholder: an id without one
 * would make every tick after the first one `exists`. A forced run must not have the id of the day's tick.
 */
function idOf(given: string | undefined, { scheduler }: RequestContext): Id {
  if (scheduler === undefined) return { text: given, warnings: [] };
  if (given !== undefined && hasPlaceholder(given)) {
    const isDistinct = scheduler.tick !== undefined || /\{(tick|time)\}/.test(given);
    return { text: isDistinct ? given : `${given}-{tick}`, warnings: [] };
  }
  const warning = `aggregationId "${given}" has no placeholder, which runs of a schedule need; this run is called after its tick.`;
  return { text: `${scheduler.job}-{tick}`, warnings: given === undefined ? [] : [warning] };
}

function scheduleOf(values: Values, context: RequestContext, aggregator: CompleteAggregator): RunRequest['schedule'] {
  const name = aggregator.schedule ?? context.scheduler?.job;
  if (name === undefined) return undefined;
  const configured = values.schedules.find((schedule) => schedule.name === name)?.concurrencyPolicy;
  const tick = context.scheduler?.tick?.toISOString();
  return {
    name,
    concurrencyPolicy: aggregator.concurrencyPolicy ?? configured ?? 'Allow',
    ...(tick !== undefined && { tick }),
    ...(context.scheduler !== undefined && tick === undefined && { forcedAt: context.now.toISOString() }),
  };
}

function fillAll(asked: AggregationSpec, context: TemplateContext, issues: Issue[]): AggregationSpec {
  const filled: Record<string, string> = {};
  for (const field of ['aggregationId', ...TEMPLATED] as const) {
    const text = asked[field];
    if (text !== undefined) filled[field] = fillTemplate(text, context, `aggregator.${field}`, issues);
  }
  return { ...asked, ...filled };
}

function idIssues(id: string): Issue[] {
  const problem = aggregationIdProblem(id);
  return problem === null ? [] : [{ path: 'aggregator.aggregationId', message: `"${id.slice(0, 200)}" ${problem}` }];
}

function checksOf(values: Values): RunRecord['checkSecrets'] {
  return values.checkSecrets.map((check) => ({
    name: check.name,
    ...(check.namespace !== undefined && { namespace: check.namespace }),
    keys: check.keys.map((entry) => ({ ...entry })),
  }));
}

/**
 * The run that an uploaded checkpoint list asks for: its id is derived from bucket, name and generation, so that an
 * event delivered twice is one run, and an overwritten list another. The names are taken literally. Throws
 * UnusableListError for an object whose name no aggregator could be given. Pure.
 */
export function buildUploadRequest(values: Values, list: UploadedList, defaults: SpecDefaults): RunRequest {
  const uri = formatGsUri(list);
  const problem = environmentProblem(uri);
  if (problem !== null) throw new UnusableListError(`The name of the list ${JSON.stringify(uri)} ${problem}.`);
  const id = `list-${createHash('sha256').update(uri).digest('hex').slice(0, 12)}-${list.generation}`;
  const paths = { checkpointsFilePath: uri, outputPath: list.outputPath };
  const aggregator = requireAggregator({ aggregator: { ...values.aggregator, ...paths } }, { idIsDerived: true });
  const { schedule: _schedule, ...spec } = buildSpec(aggregator, id, values.namespace ?? defaults.namespace, defaults);
  assertNoIssues(specIssues(spec));
  return {
    trigger: 'upload',
    spec,
    asked: { ...spec },
    checkSecrets: checksOf(values),
    listGeneration: list.generation,
    warnings: [],
  };
}
