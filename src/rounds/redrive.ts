import { AppError, ConflictError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { advance } from './advance.ts';
import { noteRedrive } from './ledger.ts';
import { readRedriven } from './seal.ts';
import type { RoundsContext, TaskDecision, TaskSnapshot } from './task-context.ts';
import { createContention, readSnapshot, writeLedger } from './task-context.ts';

export interface RedriveOptions {
  /** jobIds to leave out. They remain counted as failed. */
  readonly without?: readonly string[];
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface RedriveResult {
  readonly taskId: string;
  /** `recorded`: the request is in the ledger, and the round starts when no other round is open. */
  readonly outcome: 'created' | 'recorded' | 'exists' | 'dry-run';
  /** The failed round. */
  readonly round: number;
  /** The new round; absent until it is created. */
  readonly redrivenAs?: number;
  readonly updates: number;
  readonly reason: string;
  /** The state of the task; present where the request was recorded. */
  readonly decision?: TaskDecision;
}

/**
 * Requests that the updates of a failed round are aggregated again, as a new round; once per round. The request is recorded
 * in the ledger first, and carried out as soon as no round is open. A repeated call returns `exists` or `recorded`.
 *
 * Throws NotFoundError for an unknown round, ConflictError for a round that did not fail, InvalidRequestError for a
 * `without` with unknown ids or that leaves no update, and what the ports throw.
 */
export async function redrive(
  rounds: RoundsContext,
  taskId: string,
  round: number,
  { without = [], dryRun = false, signal }: RedriveOptions = {},
): Promise<RedriveResult> {
  const call = signal === undefined ? {} : { signal };
  const noteConflict = createContention(taskId);
  for (;;) {
    const snapshot = await readSnapshot(rounds, taskId, call);
    const { context, current } = snapshot;
    const before = redrivenAs(snapshot, round);
    if (before !== null) return { ...before, outcome: 'exists' };
    const updates = await countLeft(snapshot, round, without);
    const left = without.length === 0 ? '' : ` without ${without.join(', ')}`;
    const { next, open } = current.ledger;
    const reason = `Round ${next} aggregates the ${updates} updates of failed round ${round}${left}.`;
    if (dryRun) return { taskId, outcome: 'dry-run', round, redrivenAs: next, updates, reason };
    const isRecorded = current.ledger.redrives.some((each) => each.round === round);
    const request = { round, without: [...without] };
    const written = isRecorded || (await writeLedger(context, current, noteRedrive(current.ledger, request)));
    if (written === 'conflict') {
      noteConflict();
      continue;
    }
    const decision = await tryAdvance(rounds, taskId, call);
    const after = redrivenAs(await readSnapshot(rounds, taskId, call), round);
    if (after !== null) return { ...after, outcome: 'created', reason, decision };
    const waits = open === null ? '' : ` when round ${open.round} has ended`;
    const recorded = `The request is recorded: round ${round} is redriven${left}${waits}.`;
    return { taskId, outcome: 'recorded', round, updates, reason: recorded, decision };
  }
}

/** The redrive of the round; `null` when it was not redriven. Throws NotFoundError or ConflictError. */
function redrivenAs(
  { current: { ledger }, context }: TaskSnapshot,
  round: number,
): Omit<RedriveResult, 'outcome'> | null {
  const { open } = ledger;
  const record = ledger.rounds.get(round);
  const as = open?.redriveOf === round ? open.round : record?.redrivenAs;
  if (as !== undefined) {
    const updates = open?.round === as ? open.updates : (ledger.rounds.get(as)?.updates ?? 0);
    const reason = `Round ${round} was redriven as round ${as}.`;
    return { taskId: context.taskId, round, redrivenAs: as, updates, reason };
  }
  if (open?.round === round) throw new ConflictError(`Round ${round} is open; it can be redriven when it has failed.`);
  if (record === undefined) throw new NotFoundError(`Task "${context.taskId}" has no failed round ${round}.`);
  if (record.outcome === 'aggregated')
    throw new ConflictError(`Round ${round} was aggregated; only a failed round can be redriven.`);
  return null;
}

/** The number of updates that a redrive of the round aggregates. Throws InvalidRequestError for an invalid `without`. */
async function countLeft({ context }: TaskSnapshot, round: number, without: readonly string[]): Promise<number> {
  const { updates } = await readRedriven(context, round);
  const ids = new Set(updates.map(({ jobId }) => jobId));
  const unknown = without.filter((jobId) => !ids.has(jobId));
  const left = updates.length - new Set(without).size;
  if (unknown.length === 0 && left > 0) return left;
  const message =
    unknown.length > 0
      ? `round ${round} has no update ${unknown.map((jobId) => `"${jobId}"`).join(', ')}`
      : `no update of round ${round} would be left`;
  throw new InvalidRequestError(`without: ${message}`, [{ path: 'without', message }]);
}

/** The request is recorded already. An error, such as a missing Secret, is reported, and the next sweep continues. */
async function tryAdvance(rounds: RoundsContext, taskId: string, call: CallOptions): Promise<TaskDecision> {
  try {
    return (await advance(rounds, taskId, call)).decision;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: 'wait', reason: error.message };
  }
}
