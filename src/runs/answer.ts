import type { LaunchOutcome } from './launch.ts';
import type { RunRecord } from './record.ts';
import { imageOf } from '../jobs/spec.ts';
import type { PodSummary } from '../jobs/facts.ts';
import type { RunState, RunStatus } from './status.ts';

/** A run in the answer of every call. */
export interface RunAnswer {
  readonly outcome?: LaunchOutcome['outcome'];
  readonly aggregationId: string;
  readonly trigger: RunRecord['trigger'];
  readonly requestedBy?: string;
  readonly schedule?: RunRecord['schedule'];
  readonly state: RunState;
  /** One sentence. */
  readonly why: string;
  readonly job: { readonly namespace: string; readonly name: string; readonly uid?: string };
  readonly image: string;
  readonly checkpointsFilePath: string;
  /** Lines of the checkpoint list, where it has been read. */
  readonly updates?: number;
  readonly outputPath: string;
  readonly claimedAt: string;
  readonly createdAt?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly pods: readonly PodSummary[];
  readonly steps: RunRecord['steps'];
  readonly warnings?: readonly string[];
  readonly logs?: string | null;
  readonly manifest?: unknown;
}

const WHY: Readonly<Record<LaunchOutcome['outcome'], string>> = {
  created: 'Its Job was created.',
  exists: 'The run already exists; nothing was created.',
  skipped: '',
  'dry-run': "The values, the list's lines, the Secrets and the Job were checked; nothing was written.",
};

/** The answer about a run, from its record and its state. */
export function buildRunAnswer(status: RunStatus): RunAnswer {
  const { record } = status;
  const { spec } = record;
  const startedAt = status.startedAt ?? record.startedAt;
  return {
    aggregationId: record.aggregationId,
    trigger: record.trigger,
    ...(record.requestedBy !== undefined && { requestedBy: record.requestedBy }),
    ...(record.schedule !== undefined && { schedule: record.schedule }),
    state: status.state,
    why: status.why,
    job: record.job ?? { namespace: spec.namespace, name: record.jobName },
    image: imageOf(spec),
    checkpointsFilePath: spec.checkpointsFilePath,
    ...(record.list !== undefined && { updates: record.list.updates }),
    outputPath: spec.outputPath,
    claimedAt: record.claimedAt,
    ...(record.createdAt !== undefined && { createdAt: record.createdAt }),
    ...(startedAt !== undefined && { startedAt }),
    ...(record.finishedAt !== undefined && { finishedAt: record.finishedAt }),
    pods: status.pods,
    steps: record.steps,
  };
}

/** The answer of a launch. */
export function buildLaunchAnswer({ outcome, record, warnings, manifest }: LaunchOutcome): RunAnswer {
  const state = record.state === 'refused' ? 'claimed' : record.state;
  const answer = buildRunAnswer({
    record,
    state,
    why: record.why ?? WHY[outcome],
    pods: (record.pods ?? []).map((pod) => ({ restarts: 0, ...pod })),
  });
  return { outcome, ...answer, ...(warnings.length > 0 && { warnings }), ...(manifest !== undefined && { manifest }) };
}
