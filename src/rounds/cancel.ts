import { ConflictError, NotFoundError } from '../errors.ts';
import { advance } from './advance.ts';
import { describeAttempt } from './attempt.ts';
import type { OpenRound } from './ledger.ts';
import { noteCancelled } from './ledger.ts';
import type { AdvanceResult, RoundsContext, TaskSnapshot } from './task-context.ts';
import { createContention, readSnapshot, writeLedger } from './task-context.ts';

export interface CancelOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Ends the open round: no further attempt, its Job suspended (not deleted, because its name must stay reserved), its
 * updates counted as failed, so that they can be redriven. A round whose Job is complete by then is settled as aggregated.
 *
 * The request is recorded in the ledger first. If this call is interrupted, the next reconcile carries it out.
 * Throws NotFoundError for an unknown round, ConflictError for an ended one, and what {@link advance} throws.
 */
export async function cancel(
  rounds: RoundsContext,
  taskId: string,
  round: number,
  { dryRun = false, signal }: CancelOptions = {},
): Promise<AdvanceResult> {
  const call = signal === undefined ? {} : { signal };
  const noteConflict = createContention(taskId);
  for (;;) {
    const snapshot = await readSnapshot(rounds, taskId, call);
    const { context, current } = snapshot;
    const open = openOf(snapshot, round);
    if (dryRun) return dryRunOf(taskId, open);
    if (open.cancelled === true) return advance(rounds, taskId, call);
    const written = await writeLedger(context, current, noteCancelled(current.ledger));
    if (written !== 'conflict') return advance(rounds, taskId, call);
    noteConflict();
  }
}

function openOf({ current: { ledger }, context }: TaskSnapshot, round: number): OpenRound {
  const { open } = ledger;
  if (open?.round === round) return open;
  const record = ledger.rounds.get(round);
  if (record === undefined) throw new NotFoundError(`Task "${context.taskId}" has no open round ${round}.`);
  throw new ConflictError(
    `Round ${round} has ended already: it ${record.outcome === 'failed' ? 'failed' : 'was aggregated'}.`,
  );
}

function dryRunOf(taskId: string, open: OpenRound): AdvanceResult {
  const attempt = describeAttempt(open);
  return {
    taskId,
    dryRun: true,
    decision: {
      kind: 'suspend-job',
      reason: `${attempt} would be cancelled: its Job is suspended, and the round counts as failed.`,
    },
    done: [],
  };
}
