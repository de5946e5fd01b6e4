import { ANNOTATIONS, buildJob } from '../jobs/manifest.ts';
import type { AggregationSpec } from '../jobs/spec.ts';
import { specHash } from '../jobs/spec.ts';
import type { V1Job } from '@kubernetes/client-node';
import { z } from 'zod';

export const TriggerSchema = z.enum(['schedule', 'upload', 'http']);
/** The source of a run. */
export type Trigger = z.infer<typeof TriggerSchema>;

/** As of a Kubernetes CronJob: what happens when a run of the schedule is still active. */
export const ConcurrencyPolicySchema = z.enum(['Allow', 'Forbid', 'Replace']);
export type ConcurrencyPolicy = z.infer<typeof ConcurrencyPolicySchema>;

/**
 * The recorded state of a run. `claimed`: the id is taken, the Job may not exist yet. `refused`: the API server refused
 * the Job, it does not exist. `created`: the Job exists. The others are final.
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

export const StepSchema = z.object({ at: z.string(), step: z.string() });
export type Step = z.infer<typeof StepSchema>;

export const RUN_SCHEMA_VERSION = 1;

export const RunRecordSchema = z.object({
  schemaVersion: z.literal(RUN_SCHEMA_VERSION),
  aggregationId: z.string(),
  trigger: TriggerSchema,
  requestedBy: z.string().optional(),
  schedule: z
    .object({ name: z.string(), tick: z.string().optional(), concurrencyPolicy: ConcurrencyPolicySchema })
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
  /** Set for a cancelled run: when its Job was deleted. */
  jobDeletedAt: z.string().optional(),
  pods: z.array(PodSummarySchema).optional(),
  steps: z.array(StepSchema),
});

type Parsed = z.infer<typeof RunRecordSchema>;
/** `runs/<aggregationId>.json`: the claim and the outcome of one run. */
export type RunRecord = Omit<Parsed, 'spec'> & { readonly spec: AggregationSpec };

const MAX_STEPS = 50;

/** Whether the state can no longer change. */
export function isFinal(state: RecordState): boolean {
  return FINAL.has(state);
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
