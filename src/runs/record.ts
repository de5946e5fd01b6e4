import { ANNOTATIONS, buildJob } from '../jobs/manifest.ts';
import { ConcurrencyPolicySchema } from '../values/aggregator-schema.ts';
import type { AggregationSpec } from '../jobs/spec.ts';
import { specHash } from '../jobs/spec.ts';
import type { V1Job } from '@kubernetes/client-node';
import * as z from 'zod';

/**
 * The recorded state of a run. `claimed`: the id is taken, the Job may not exist yet. `refused`: the API server refused
 * the Job, or its output directory is in use; the Job does not exist, and the id may be claimed anew. `created`: the Job exists. The others are final.
 */
export const RecordStateSchema = z.enum([
  'claimed',
  'refused',
  'created',
  'complete',
  'failed',
  'cancelled',
  'gone',
  'skipped',
]);
export type RecordState = z.infer<typeof RecordStateSchema>;

const FINAL: ReadonlySet<RecordState> = new Set(['complete', 'failed', 'cancelled', 'gone', 'skipped']);

/** The specification is kept as claimed; only what the code below reads is checked when a record is read back. */
const SpecSchema = z.looseObject({
  aggregationId: z.string(),
  namespace: z.string(),
  releaseName: z.string(),
  repository: z.string(),
  checkpointsFilePath: z.string(),
  outputPath: z.string(),
  aggregationType: z.enum(['cma', 'wcma']),
  ttlSecondsAfterFinished: z.number(),
});

const PodSummarySchema = z.looseObject({ name: z.string(), phase: z.string() });

export const RUN_SCHEMA_VERSION = 1;

export const RunRecordSchema = z.object({
  schemaVersion: z.literal(RUN_SCHEMA_VERSION),
  aggregationId: z.string(),
  /** The source of the run. */
  trigger: z.enum(['schedule', 'upload', 'http']),
  requestedBy: z.string().optional(),
  schedule: z
    .object({
      name: z.string(),
      tick: z.string().optional(),
      /** Set for a forced run, which stands for no tick: the time that its placeholders stand for. */
      forcedAt: z.string().optional(),
      concurrencyPolicy: ConcurrencyPolicySchema,
    })
    .optional(),
  spec: SpecSchema,
  /** The requested specification with unfilled placeholders: the same request at another time compares equal. */
  asked: z.record(z.string(), z.unknown()),
  checkSecrets: z.array(
    z.object({
      name: z.string(),
      namespace: z.string().optional(),
      keys: z.array(z.object({ key: z.string(), displayName: z.string().optional() })),
    }),
  ),
  /** Set for an uploaded list: its generation. */
  listGeneration: z.string().optional(),
  list: z.object({ updates: z.number(), bundles: z.number(), generation: z.string() }).optional(),
  jobName: z.string(),
  state: RecordStateSchema,
  /** One sentence: the last obstacle, or the reason of the end. */
  why: z.string().optional(),
  job: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
  claimedAt: z.string(),
  createdAt: z.string().optional(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  /** The most specific explanation so far of why the Job does not progress; absent once its pod runs. */
  trouble: z.object({ cause: z.string(), why: z.string(), isPermanent: z.boolean() }).optional(),
  /** Set for a failed run whose Job is deleted, because it would never have ended by itself. */
  stopped: z.literal(true).optional(),
  /** Set for a cancelled or stopped run: when its Job was deleted. */
  jobDeletedAt: z.string().optional(),
  pods: z.array(PodSummarySchema).optional(),
  steps: z.array(z.object({ at: z.string(), step: z.string() })),
});

type Parsed = z.infer<typeof RunRecordSchema>;
/** `runs/<aggregationId>.json`: the claim and the outcome of one run. */
export type RunRecord = Omit<Parsed, 'spec'> & { readonly spec: AggregationSpec };

const MAX_STEPS = 50;

/** Whether the state can no longer change. */
export function isFinal(state: RecordState): boolean {
  return FINAL.has(state);
}

/** Whether the run is over, and its Job may still exist. */
export function isJobLeft({ state, stopped, jobDeletedAt }: RunRecord): boolean {
  return (state === 'cancelled' || stopped === true) && jobDeletedAt === undefined;
}

/** A record read back from the bucket. Throws what `JSON.parse` and zod throw. */
export function parseRunRecord(text: string): RunRecord {
  const parsed = RunRecordSchema.parse(JSON.parse(text));
  if (!isSpec(parsed.spec)) throw new TypeError('spec is not an aggregation specification');
  return { ...parsed, spec: parsed.spec };
}

function isSpec(spec: Parsed['spec']): spec is Parsed['spec'] & AggregationSpec {
  return SpecSchema.safeParse(spec).success;
}

/** `record` with `step` added to its history (the oldest but the first go once there are 50). */
export function withStep(record: RunRecord, at: Date, step: string): RunRecord {
  const steps = [...record.steps, { at: at.toISOString(), step }];
  const [first, ...rest] = steps;
  return {
    ...record,
    steps: first !== undefined && steps.length > MAX_STEPS ? [first, ...rest.slice(1 - MAX_STEPS)] : steps,
  };
}

/** The Job of a run. */
export function jobOf(record: Pick<RunRecord, 'spec' | 'jobName'>): V1Job {
  return buildJob(record.spec, { name: record.jobName });
}

/** Whether a Job with the run's name belongs to the run: same id, same specification. */
export function isJobOf(record: RunRecord, job: V1Job): boolean {
  return (
    job.metadata?.annotations?.[ANNOTATIONS.aggregationId] === record.aggregationId &&
    job.metadata.annotations[ANNOTATIONS.specHash] === specHash(record.spec)
  );
}

/** `record` with its existing Job; unchanged where the record already has it or the run has ended. */
export function withJob(record: RunRecord, job: V1Job, now: Date, list?: RunRecord['list']): RunRecord {
  if (record.state !== 'claimed' && record.state !== 'refused') return record;
  const { why: _settled, ...rest } = record;
  const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
  const created = { ...rest, state: 'created' as const, job: { namespace, name, uid }, createdAt: now.toISOString() };
  return withStep({ ...created, ...(list !== undefined && { list }) }, now, `Job ${namespace}/${name} created`);
}
