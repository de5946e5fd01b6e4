import { deleteLeftJob } from './cancel.ts';
import { CheckpointListError } from './checkpoint-list.ts';
import { finishRun } from './finish.ts';
import type { LaunchDeps } from './finish.ts';
import type { RunRecord } from './record.ts';
import { isJobLeft, withStep } from './record.ts';
import type { RunSummary, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';
import { AppError } from '../errors.ts';
import type { StatusDeps } from './status.ts';
import { logTrouble, observeRun } from './status.ts';

export interface SweepRunsDeps extends LaunchDeps, StatusDeps {}

export interface SweptRuns {
  /** Claimed runs whose Job this sweep created. */
  readonly started: number;
  /** Runs whose end this sweep recorded, without the failed ones. */
  readonly settled: number;
  readonly failed: number;
  /** `false`: time ran out, or a run could not be read; the next sweep continues. */
  readonly complete: boolean;
}

const CONCURRENCY = 8;

// A tick that could not start for a day is abandoned. Eventarc ends its retries after the same time.
const STARTING_DEADLINE_MS = 24 * 3600 * 1000;
// A caller that got an error has this long to repeat the call. Then the claim ends: it would hold its schedule's slot.
const CALLER_MS = 3600 * 1000;
// An uploaded list waits longer, because its event is not delivered again.
const LIST_MS = 30 * 24 * 3600 * 1000;
// The call that claimed the run may still be working on it.
const CLAIMANT_MS = 60_000;

type Swept = 'started' | 'settled' | 'failed' | 'unchanged' | 'error';

const TAKEN_UP = 'taken up by a sweep';

/**
 * Processes every run of `runs` (a listing) that has not ended: creates the Job of a claim that has none, records the end
 * of a Job before its TTL deletes it, and deletes the Job of a cancelled or stopped run. An error of one run does not stop the others.
 */
export async function sweepRuns(
  deps: SweepRunsDeps,
  runs: readonly RunSummary[],
  signal: AbortSignal,
): Promise<SweptRuns> {
  const open = runs.filter(needsSweep).map((run) => run.aggregationId);
  const counts = { started: 0, settled: 0, failed: 0, unchanged: 0, error: 0 };
  const queue = open[Symbol.iterator]();
  async function worker(): Promise<void> {
    for (const id of queue) {
      if (signal.aborted) return;
      counts[await sweepOne(deps, id, signal)] += 1;
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const visited = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const { started, settled, failed, error } = counts;
  return { started, settled, failed, complete: visited === open.length && error === 0 };
}

/** The caller of a refused `http` run repeats it; a schedule or an upload does not read its answer. */
function needsSweep({ state, trigger, jobLeft }: RunSummary): boolean {
  return state === 'claimed' || state === 'created' || (state === 'refused' && trigger !== 'http') || jobLeft;
}

async function sweepOne(deps: SweepRunsDeps, id: string, signal: AbortSignal): Promise<Swept> {
  try {
    return await sweepRun(deps, id, signal);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    deps.log('WARNING', `Run ${id}: ${error.message}`, { aggregationId: id, code: error.code });
    return 'error';
  }
}

async function sweepRun(deps: SweepRunsDeps, id: string, signal: AbortSignal): Promise<Swept> {
  const stored = await readRun(deps, id, { signal });
  if (stored === null) return 'unchanged';
  if (isWithoutJob(stored.record)) return sweepClaim(deps, stored, signal);
  if (isJobLeft(stored.record)) {
    const { deleted } = await deleteLeftJob(deps, stored, signal);
    return deleted ? 'settled' : 'unchanged';
  }
  const { state } = await observeRun(deps, stored, { signal });
  if (state === 'failed') return 'failed';
  return state === 'complete' || state === 'gone' ? 'settled' : 'unchanged';
}

function isWithoutJob({ state }: RunRecord): boolean {
  return state === 'claimed' || state === 'refused';
}

async function sweepClaim(deps: SweepRunsDeps, stored: StoredRun, signal: AbortSignal): Promise<Swept> {
  const id = stored.record.aggregationId;
  const observed = await observeRun(deps, stored, { signal });
  if (!isWithoutJob(observed.record)) return observed.record.state === 'created' ? 'unchanged' : 'settled';
  const now = deps.now();
  if (isOverdue(stored.record, now)) {
    const { record } = await updateRun(deps, stored, (newest) => giveUp(newest, now), { signal });
    if (record.state === 'failed') logTrouble(deps.log, record, 'failed', record.why ?? '');
    return 'failed';
  }
  if (!isForSweep(stored.record, now)) return 'unchanged';
  const lastReadAt = stored.record.steps.at(-1)?.at;
  const marked = await updateRun(deps, stored, (record) => (isWithoutJob(record) ? takenUp(record, now) : record), {
    signal,
  });
  try {
    const { created, stored: after } = await finishRun(deps, marked, { checked: false, lastReadAt, signal });
    return created ? 'started' : isWithoutJob(after.record) ? 'unchanged' : 'settled';
  } catch (error) {
    // A temporary error is retried in a minute; any other waits for a fix and is logged for the alert.
    if (!(error instanceof AppError) || error.retryable) throw error;
    const isOver = (await readRun(deps, id, { signal }))?.record.state === 'failed';
    // The end of a run that another one's output prevents was logged when it was recorded.
    if (!isOver || error instanceof CheckpointListError)
      logTrouble(deps.log, marked.record, isOver ? 'failed' : 'held-up', error.message);
    return isOver ? 'failed' : 'error';
  }
}

function isOverdue(record: RunRecord, now: Date): boolean {
  const ageMs = now.getTime() - Date.parse(record.claimedAt);
  return ageMs > startingDeadlineMs(record);
}

function startingDeadlineMs({ trigger, why }: RunRecord): number {
  if (trigger === 'upload') return LIST_MS;
  return trigger === 'http' && why !== undefined ? CALLER_MS : STARTING_DEADLINE_MS;
}

function giveUp(record: RunRecord, now: Date): RunRecord {
  if (!isWithoutJob(record)) return record;
  const hours = startingDeadlineMs(record) / 3_600_000;
  const why = `It could not be started within ${hours} h. ${record.why ?? ''}`.trim();
  return withStep({ ...record, state: 'failed', why, finishedAt: now.toISOString() }, now, 'given up');
}

/**
 * Whether the sweep creates the Job of a claim. For an `http` run only if its caller got no answer (the instance was
 * killed): with a recorded `why` the caller got an error, and repeats the call if the run is still wanted.
 */
function isForSweep(record: RunRecord, now: Date): boolean {
  return (
    now.getTime() - Date.parse(record.claimedAt) > CLAIMANT_MS &&
    (record.trigger !== 'http' || record.why === undefined)
  );
}

/** Recorded once, with the time of the last sweep: a claim that waits for days would fill its history. */
function takenUp(record: RunRecord, now: Date): RunRecord {
  return record.steps.at(-1)?.step === TAKEN_UP
    ? { ...record, steps: [...record.steps.slice(0, -1), { at: now.toISOString(), step: TAKEN_UP }] }
    : withStep(record, now, TAKEN_UP);
}
