import { ConflictError, NotFoundError } from '../errors.ts';
import type { Begun } from './advance.ts';
import { advance, beginPass, createContention } from './advance.ts';
import { attemptWords } from './attempt-job.ts';
import type { RoundsDeps } from './deps.ts';
import type { OpenRound } from './ledger.ts';
import { noteCancelled } from './ledger-changes.ts';
import type { AdvanceResult } from './step.ts';
import { writeLedger } from './write-ledger.ts';

export interface CancelOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Ends the open round: no further attempt, its Job suspended (not deleted: the name must stay taken), its updates
 * accounted as failed, so that it can be redriven. A round whose Job was complete by then is settled as aggregated.
 *
 * The wish is written to the ledger first: whoever looks next carries it out, also after a crash here.
 * Throws NotFoundError for an unknown round, ConflictError for an ended one, and what {@link advance} throws.
 */
export async function cancel(
  deps: RoundsDeps,
  taskId: string,
  round: number,
  { dryRun = false, signal }: CancelOptions = {},
): Promise<AdvanceResult> {
  const call = signal === undefined ? {} : { signal };
  const noteConflict = createContention(taskId);
  for (;;) {
    const begun = await beginPass(deps, taskId, call);
    const open = openOf(begun, round);
    if (dryRun) return dryRunOf(taskId, open);
    if (open.cancelled === true) return advance(deps, taskId, call);
    const written = await writeLedger(deps, begun.pass, begun.known, noteCancelled(begun.known.ledger));
    if (written !== 'conflict') return advance(deps, taskId, call);
    noteConflict();
  }
}

function openOf({ known: { ledger }, pass }: Begun, round: number): OpenRound {
  const { open } = ledger;
  if (open?.round === round) return open;
  const record = ledger.rounds.get(round);
  if (record === undefined) throw new NotFoundError(`Task "${pass.taskId}" has no open round ${round}.`);
  throw new ConflictError(
    `Round ${round} has ended already: it ${record.outcome === 'failed' ? 'failed' : 'was aggregated'}.`,
  );
}

function dryRunOf(taskId: string, open: OpenRound): AdvanceResult {
  return {
    taskId,
    dryRun: true,
    decision: {
      kind: 'suspend-job',
      reason: `${attemptWords(open)} would be cancelled: its Job is suspended, and the round counts as failed.`,
    },
    done: [],
  };
}
