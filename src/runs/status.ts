import type { V1Job } from '@kubernetes/client-node';
import { CONTAINER_NAME } from '../jobs/manifest.ts';
import { deleteLeftJob } from './cancel.ts';
import { isFinal, isJobOf, withJob, withStep } from './record.ts';
import type { RecordState, RunRecord } from './record.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';
import type { Cluster } from '../cluster/port.ts';
import { NotFoundError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallOptions } from '../storage/port.ts';
import { hasObjects } from '../storage/port.ts';
import { joinGsUri, parseGsUri } from '../storage/uri.ts';
import type { LiveState } from '../jobs/explain.ts';
import type { Explanation } from '../jobs/explain.ts';
import { explainJob, liveState, plainSentence } from '../jobs/explain.ts';
import type { JobFacts, PodSummary } from '../jobs/facts.ts';
import { factsOf, summarisePod, trueCondition } from '../jobs/facts.ts';

export interface StatusDeps extends StateDeps {
  readonly cluster: Cluster;
  readonly now: () => Date;
  readonly log: Log;
}

export type RunState = Exclude<RecordState, 'refused'> | LiveState;

/** The current state of a run, from its record and the cluster. */
export interface RunStatus {
  readonly record: RunRecord;
  readonly state: RunState;
  readonly why: string;
  readonly pods: readonly PodSummary[];
  readonly startedAt?: string;
}

const RERUN = 'Fix the cause and run it again with another aggregationId.';
// A registry or a Secret that was created a moment too late has this long.
const PERMANENT_MS = 5 * 60_000;
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
export async function observeRun(deps: StatusDeps, found: StoredRun, call: CallOptions = {}): Promise<RunStatus> {
  if (found.record.state !== 'created' && found.record.state !== 'claimed') return recorded(found.record);
  const job = await deps.cluster.getJob(found.record.spec.namespace, found.record.jobName, call);
  const stored = job === null ? found : await adoptJob(deps, found, job, call);
  const { record } = stored;
  if (record.state !== 'created') return recorded(record);
  if (job === null || (record.job !== undefined && job.metadata?.uid !== record.job.uid)) {
    const output = (await hasOutput(deps, record, call))
      ? ' There is output under its output path.'
      : ' There is no output under its output path.';
    const last = record.trouble === undefined ? '' : ` Last seen: ${record.trouble.why}`;
    const status = { record, state: 'gone' as const, why: `${WHEN_GONE}${output}${last}`, pods: [] };
    return ended(deps, stored, status, deps.now().toISOString(), call);
  }
  return observeJob(deps, stored, await factsOf(deps.cluster, job, call), call);
}

async function observeJob(deps: StatusDeps, found: StoredRun, facts: JobFacts, call: CallOptions): Promise<RunStatus> {
  const explained = explainJob(facts);
  const stored = await noteTrouble(deps, found, facts, explained, call);
  const { record } = stored;
  const pods = facts.pods.map(summarisePod);
  const startedAt = pods.find((pod) => pod.startedAt !== undefined)?.startedAt;
  const status = {
    record,
    state: liveState(facts),
    why: await whyOf(deps, record, facts, explained, call),
    pods,
    ...(startedAt !== undefined && { startedAt }),
  };
  if (explained?.isPermanent === true && isStuck(facts, deps.now())) return stopRun(deps, stored, status, call);
  return ended(deps, stored, status, endOf(facts, deps.now()), call);
}

/** Keeps the most specific explanation in the record: a Job that ends by its deadline has lost its pods and their causes. */
async function noteTrouble(
  deps: StatusDeps,
  stored: StoredRun,
  facts: JobFacts,
  explained: Explanation | null,
  call: CallOptions,
): Promise<StoredRun> {
  const state = liveState(facts);
  return updateRun(
    deps,
    stored,
    (record) => {
      const { trouble, ...rest } = record;
      if (record.state !== 'created') return record;
      if (explained === null) return state === 'running' && trouble !== undefined ? rest : record;
      const { cause, why, isPermanent, isVague } = explained;
      const isKnown = trouble?.cause === cause && (trouble.isPermanent || !isPermanent);
      return isVague || isKnown || state === 'failed' ? record : { ...rest, trouble: { cause, why, isPermanent } };
    },
    call,
  );
}

function isStuck({ job, pods }: JobFacts, now: Date): boolean {
  const since = pods.at(-1)?.metadata?.creationTimestamp ?? job.metadata?.creationTimestamp;
  return since !== undefined && now.getTime() - new Date(since).getTime() > PERMANENT_MS;
}

/** Fails a run that waits for something that does not exist. First in the record; a sweep repeats a lost deletion. */
async function stopRun(deps: StatusDeps, stored: StoredRun, status: RunStatus, call: CallOptions): Promise<RunStatus> {
  const why = `${status.why} It was stopped after ${PERMANENT_MS / 60_000} minutes, because waiting does not help. ${RERUN}`;
  const end = await ended(deps, stored, { ...status, state: 'failed', why }, deps.now().toISOString(), call, true);
  const left = await readRun(deps, stored.record.aggregationId, call);
  if (left?.record.stopped === true) await deleteLeftJob(deps, left, call.signal);
  return end;
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
async function adoptJob(deps: StatusDeps, stored: StoredRun, job: V1Job, call: CallOptions): Promise<StoredRun> {
  return stored.record.state === 'claimed' && isJobOf(stored.record, job)
    ? updateRun(deps, stored, (record) => withJob(record, job, deps.now()), call)
    : stored;
}

async function hasOutput(deps: StatusDeps, record: RunRecord, call: CallOptions): Promise<boolean> {
  const { bucket, name } = joinGsUri(parseGsUri(record.spec.outputPath), '');
  return hasObjects(deps.store, { bucket, prefix: name }, call);
}

async function ended(
  deps: StatusDeps,
  stored: StoredRun,
  status: RunStatus,
  finishedAt: string,
  call: CallOptions,
  stopped = false,
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
      const pods = status.pods.map((pod) => ({ ...pod }));
      const end = { state, why: status.why, finishedAt, pods, ...(stopped && { stopped }) };
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

async function whyOf(
  deps: StatusDeps,
  { trouble, spec, ...record }: RunRecord,
  facts: JobFacts,
  explained: Explanation | null,
  call: CallOptions,
): Promise<string> {
  if (explained !== null) {
    if (liveState(facts) !== 'failed') return explained.why;
    const isOlder = explained.isVague && trouble !== undefined;
    return `${isOlder ? `${trouble.why} Then: ` : ''}${explained.why} ${RERUN}`;
  }
  if (liveState(facts) !== 'complete') return plainSentence(facts);
  return (await hasOutput(deps, { ...record, spec }, call))
    ? plainSentence(facts)
    : `Its Job completed, but there is no output under ${spec.outputPath}. Check its log: the image may write elsewhere.`;
}

function endOf(facts: JobFacts, now: Date): string {
  const at = facts.job.status?.completionTime ?? trueCondition(facts.job, 'Failed')?.lastTransitionTime;
  return (at === undefined ? now : new Date(at)).toISOString();
}

/** One run. Throws NotFoundError for an id that is not on record. */
export async function describeRun(deps: StatusDeps, id: string, call: CallOptions = {}): Promise<RunStatus> {
  const stored = await readRun(deps, id, call);
  if (stored === null) throw new NotFoundError(`There is no run "${id}". GET / lists the runs.`);
  return observeRun(deps, stored, call);
}

/** The last `lines` lines of the newest pod's log, or `null` where it does not exist. */
export async function logsOf(
  deps: StatusDeps,
  status: RunStatus,
  lines: number,
  call: CallOptions = {},
): Promise<string | null> {
  const pod = status.pods.at(-1);
  if (pod === undefined) return null;
  return deps.cluster.podLog(status.record.spec.namespace, pod.name, {
    ...call,
    container: CONTAINER_NAME,
    tailLines: lines,
  });
}
