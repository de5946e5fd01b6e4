import { deleteLeftJob, finishRun } from './finish.ts';
import { CheckpointListError } from './checkpoint-list.ts';
import type { LaunchDeps } from './finish.ts';
import type { RunRecord } from './record.ts';
import { withStep } from './record.ts';
import type { RunSummary, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';
import { AppError } from '../errors.ts';
import type { StatusDeps } from './status.ts';
import { logTrouble, observeRun } from './status.ts';

export interface SweepRunsDeps extends LaunchDeps, StatusDeps {}

export interface SweptRuns {
  /** Claimed runs whose Job this sweep created. */
  readonly started: number;
  /** Runs whose end this sweep wrote down, failures apart. */
  readonly settled: number;
  readonly failed: number;
  /** `false`: time ran out, or a run could not be looked at; the next sweep goes on. */
  readonly complete: boolean;
}

const CONCURRENCY = 8;

// A tick that could not start for a day is not worth starting; Eventarc gives up after the same time.
const STARTING_DEADLINE_MS = 24 * 3600 * 1000;
// The call that claimed a run a moment ago is still at work on it.
const CLAIMANT_MS = 60_000;

type Swept = 'started' | 'settled' | 'failed' | 'unchanged' | 'error';

const TAKEN_UP = 'taken up by a sweep';

/**
 * Goes over every run of `runs` (a listing) that is not over: creates the Job of a claim that has none, writes down the end of a Job before
 * its TTL removes it, and deletes the Job that a cancelled run left behind. One run in trouble does not hold up others.
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
  const looked = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const { started, settled, failed, error } = counts;
  return { started, settled, failed, complete: looked === open.length && error === 0 };
}

/** A refused run of a person is that person's to ask for again; nobody reads what a schedule or an upload is answered. */
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
  if (stored.record.state === 'cancelled') {
    await deleteLeftJob(deps, stored, signal);
    return 'settled';
  }
  const { state } = await observeRun(deps, stored, { signal });
  if (state === 'failed') return 'failed';
  return state === 'complete' || state === 'gone' ? 'settled' : 'unchanged';
}

function isWithoutJob({ state }: RunRecord): boolean {
  return state === 'claimed' || state === 'refused';
}

async function sweepClaim(deps: SweepRunsDeps, stored: StoredRun, signal: AbortSignal): Promise<Swept> {
  const observed = await observeRun(deps, stored, { signal });
  if (!isWithoutJob(observed.record)) return observed.record.state === 'created' ? 'unchanged' : 'settled';
  const now = deps.now();
  if (isOverdue(stored.record, now)) {
    const { record } = await updateRun(deps, stored, (newest) => giveUp(newest, now), { signal });
    if (record.state === 'failed') logTrouble(deps.log, record, 'failed', record.why ?? '');
    return 'failed';
  }
  if (!isForSweep(stored.record, now)) return 'unchanged';
  const lastLookAt = stored.record.steps.at(-1)?.at;
  const marked = await updateRun(deps, stored, (record) => (isWithoutJob(record) ? takenUp(record, now) : record), {
    signal,
  });
  try {
    const { created } = await finishRun(deps, marked, { checked: false, lastLookAt, signal });
    return created ? 'started' : 'settled';
  } catch (error) {
    // What passes is tried again in a minute; the rest waits for somebody, who has to be told.
    if (!(error instanceof AppError) || error.retryable) throw error;
    const isOver = error instanceof CheckpointListError && marked.record.listGeneration !== undefined;
    logTrouble(deps.log, marked.record, isOver ? 'failed' : 'held-up', error.message);
    return isOver ? 'failed' : 'error';
  }
}

function isOverdue(record: RunRecord, now: Date): boolean {
  return record.trigger === 'schedule' && now.getTime() - Date.parse(record.claimedAt) > STARTING_DEADLINE_MS;
}

function giveUp(record: RunRecord, now: Date): RunRecord {
  if (!isWithoutJob(record)) return record;
  const why = `It could not be started within 24 h. ${record.why ?? ''}`.trim();
  return withStep({ ...record, state: 'failed', why, finishedAt: now.toISOString() }, now, 'given up');
}

/**
 * Whether the sweep creates the Job of a claim. Of a run that a person asked for only if that person was told nothing
 * (the instance was killed): with a `why` on record the caller has had an error, and asks again if it still matters.
 */
function isForSweep(record: RunRecord, now: Date): boolean {
  return (
    now.getTime() - Date.parse(record.claimedAt) > CLAIMANT_MS &&
    (record.trigger !== 'http' || record.why === undefined)
  );
}

/** Noted once, with the time of the last look: a claim that waits for days would fill its history with it. */
function takenUp(record: RunRecord, now: Date): RunRecord {
  return record.steps.at(-1)?.step === TAKEN_UP
    ? { ...record, steps: [...record.steps.slice(0, -1), { at: now.toISOString(), step: TAKEN_UP }] }
    : withStep(record, now, TAKEN_UP);
}
