import type { V1Job } from '@kubernetes/client-node';
import { CONTAINER_NAME } from '../jobs/manifest.ts';
import { isFinal, isJobOf, withJob, withStep } from './record.ts';
import type { RunRecord } from './record.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';
import type { Cluster } from '../cluster/port.ts';
import { NotFoundError } from '../errors.ts';
import type { Log } from '../log.ts';
import { hasObjects } from '../storage/port.ts';
import { joinGsUri, parseGsUri } from '../storage/uri.ts';
import { explainJob, liveState, plainSentence } from '../jobs/explain.ts';
import type { JobFacts, PodSummary } from '../jobs/facts.ts';
import { factsOf, summarisePod, trueCondition } from '../jobs/facts.ts';

export interface StatusDeps extends StateDeps {
  readonly cluster: Cluster;
  readonly now: () => Date;
  readonly log: Log;
}

export type RunState =
  | 'claimed'
  | 'created'
  | 'pending'
  | 'running'
  | 'complete'
  | 'failed'
  | 'cancelled'
  | 'gone'
  | 'skipped';

/** The current state of a run, from its record and the cluster. */
export interface RunStatus {
  readonly record: RunRecord;
  readonly state: RunState;
  readonly why: string;
  readonly pods: readonly PodSummary[];
  readonly startedAt?: string;
}

interface Call {
  readonly signal?: AbortSignal;
}

const RERUN = 'Fix the cause and run it again with another aggregationId.';
const WHEN_CLAIMED = 'The run is claimed and its Job is not created yet; the next call or sweep creates it.';
const WHEN_GONE =
  'Its Job no longer exists (deleted, or its ttlSecondsAfterFinished passed), and its end was not recorded.';

/** Logs a run that failed, or that waits for a fix of the named cause. */
export function logTrouble(log: Log, record: RunRecord, trouble: 'failed' | 'held-up', why: string): void {
  const { aggregationId, trigger, schedule } = record;
  log('ERROR', `Run ${aggregationId}: ${why}`, {
    aggregationId,
    trigger,
    ...(schedule !== undefined && { schedule: schedule.name }),
    runTrouble: trouble,
  });
}

/**
 * A stored run with the state of its Job. An end is written into the record, which is kept longer than the Job. Throws what the ports throw.
 */
export async function observeRun(deps: StatusDeps, found: StoredRun, call: Call = {}): Promise<RunStatus> {
  if (found.record.state !== 'created' && found.record.state !== 'claimed') return recorded(found.record);
  const job = await deps.cluster.getJob(found.record.spec.namespace, found.record.jobName, call);
  const stored = job === null ? found : await adoptJob(deps, found, job, call);
  const { record } = stored;
  if (record.state !== 'created') return recorded(record);
  if (job === null || (record.job !== undefined && job.metadata?.uid !== record.job.uid)) {
    const output = (await hasOutput(deps, record, call))
      ? ' There is output under its output path.'
      : ' There is no output under its output path.';
    return ended(
      deps,
      stored,
      { record, state: 'gone', why: `${WHEN_GONE}${output}`, pods: [] },
      deps.now().toISOString(),
      call,
    );
  }
  const facts = await factsOf(deps.cluster, job, call);
  const pods = facts.pods.map(summarisePod);
  const startedAt = pods.find((pod) => pod.startedAt !== undefined)?.startedAt;
  const status = {
    record,
    state: liveState(facts),
    why: await whyOf(deps, record, facts, call),
    pods,
    ...(startedAt !== undefined && { startedAt }),
  };
  return ended(deps, stored, status, endOf(facts, deps.now()), call);
}

function recorded(record: RunRecord): RunStatus {
  const state = record.state === 'refused' ? 'claimed' : record.state;
  const why = record.why ?? (state === 'claimed' ? WHEN_CLAIMED : '');
  return {
    record,
    state,
    why,
    pods: (record.pods ?? []).map((pod) => ({ restarts: 0, ...pod })),
    ...(record.startedAt !== undefined && { startedAt: record.startedAt }),
  };
}

// The function was killed between create and record: the Job exists, and the record does not have it yet.
async function adoptJob(deps: StatusDeps, stored: StoredRun, job: V1Job, call: Call): Promise<StoredRun> {
  return stored.record.state === 'claimed' && isJobOf(stored.record, job)
    ? updateRun(deps, stored, (record) => withJob(record, job, deps.now()), call)
    : stored;
}

async function hasOutput(deps: StatusDeps, record: RunRecord, call: Call): Promise<boolean> {
  const { bucket, name } = joinGsUri(parseGsUri(record.spec.outputPath), '');
  return hasObjects(deps.store, { bucket, prefix: name }, call);
}

async function ended(
  deps: StatusDeps,
  stored: StoredRun,
  status: RunStatus,
  finishedAt: string,
  call: Call,
): Promise<RunStatus> {
  const { state } = status;
  if (state !== 'complete' && state !== 'failed' && state !== 'gone') return status;
  let isOurs = false;
  const after = await updateRun(
    deps,
    stored,
    (record) => {
      isOurs = !isFinal(record.state);
      if (!isOurs) return record;
      const end = { state, why: status.why, finishedAt, pods: status.pods.map((pod) => ({ ...pod })) };
      return withStep(
        { ...record, ...end, ...(status.startedAt !== undefined && { startedAt: status.startedAt }) },
        new Date(finishedAt),
        state,
      );
    },
    call,
  );
  // Logged once, by the call that recorded the end: an alert of infra/terraform filters this line.
  if (isOurs && state === 'failed') logTrouble(deps.log, after.record, 'failed', status.why);
  return after.record.state === state ? { ...status, record: after.record } : recorded(after.record);
}

async function whyOf(deps: StatusDeps, record: RunRecord, facts: JobFacts, call: Call): Promise<string> {
  const explained = explainJob(facts);
  if (explained !== null) return liveState(facts) === 'failed' ? `${explained.why} ${RERUN}` : explained.why;
  if (liveState(facts) !== 'complete') return plainSentence(facts);
  return (await hasOutput(deps, record, call))
    ? plainSentence(facts)
    : `Its Job completed, but there is no output under ${record.spec.outputPath}. Check its log: the image may write elsewhere.`;
}

function endOf(facts: JobFacts, now: Date): string {
  const at = facts.job.status?.completionTime ?? trueCondition(facts.job, 'Failed')?.lastTransitionTime;
  return (at === undefined ? now : new Date(at)).toISOString();
}

/** One run. Throws NotFoundError for an id that is not on record. */
export async function describeRun(deps: StatusDeps, id: string, call: Call = {}): Promise<RunStatus> {
  const stored = await readRun(deps, id, call);
  if (stored === null) throw new NotFoundError(`There is no run "${id}". GET / lists the runs.`);
  return observeRun(deps, stored, call);
}

/** The last `lines` lines of the newest pod's log, or `null` where it does not exist. */
export async function logsOf(
  deps: StatusDeps,
  status: RunStatus,
  lines: number,
  call: Call = {},
): Promise<string | null> {
  const pod = status.pods.at(-1);
  if (pod === undefined) return null;
  return deps.cluster.podLog(status.record.spec.namespace, pod.name, {
    ...call,
    container: CONTAINER_NAME,
    tailLines: lines,
  });
}
