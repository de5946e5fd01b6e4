import type { V1Job } from '@kubernetes/client-node';
import type { RunRecord } from './record.ts';
import { imageOf } from '../jobs/spec.ts';
import type { RunStatus } from './status.ts';

/** Result of a request. `record` is the stored record; for a dry run, the record that would be written. */
export interface LaunchOutcome {
  /** `waiting`: the run is claimed, and waits for another run to leave its output directory. */
  readonly outcome: 'created' | 'exists' | 'waiting' | 'skipped' | 'dry-run';
  readonly record: RunRecord;
  readonly warnings: readonly string[];
  /** Of a dry run: the Job as the API server would store it. */
  readonly manifest?: V1Job;
}

const WHY: Readonly<Record<LaunchOutcome['outcome'], string>> = {
  created: 'Its Job was created.',
  exists: 'The run already exists; nothing was created.',
  waiting: '',
  skipped: '',
  'dry-run': "The values, the list's lines, the Secrets and the Job were checked; nothing was written.",
};

/** A run in the answer of every call. */
export type RunAnswer = ReturnType<typeof buildRunAnswer> & Partial<Pick<LaunchOutcome, 'outcome' | 'manifest'>>;

/** The answer about a run, from its record and its state. A field without a value is left out of the JSON. */
export function buildRunAnswer({ record, state, why, pods, startedAt = record.startedAt }: RunStatus) {
  const { aggregationId, trigger, requestedBy, schedule, spec, claimedAt, createdAt, finishedAt, steps } = record;
  return {
    aggregationId,
    trigger,
    requestedBy,
    schedule,
    state,
    /** One sentence. */
    why,
    job: record.job ?? { namespace: spec.namespace, name: record.jobName },
    image: imageOf(spec),
    checkpointsFilePath: spec.checkpointsFilePath,
    /** Lines of the checkpoint list, where it has been read. */
    updates: record.list?.updates,
    outputPath: spec.outputPath,
    claimedAt,
    createdAt,
    startedAt,
    finishedAt,
    pods,
    steps,
  };
}

/** The answer of a launch. */
export function buildLaunchAnswer({ outcome, record, warnings, manifest }: LaunchOutcome) {
  const state = record.state === 'refused' ? 'claimed' : record.state;
  const why = record.why ?? WHY[outcome];
  const answer = buildRunAnswer({
    record,
    state,
    why,
    pods: (record.pods ?? []).map((pod) => ({ restarts: 0, ...pod })),
  });
  return { outcome, ...answer, ...(warnings.length > 0 && { warnings }), ...(manifest !== undefined && { manifest }) };
}
