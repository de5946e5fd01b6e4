import type { V1Job } from '@kubernetes/client-node';
import type { Failure, JobRef, Ledger, OpenRound, Outcome, RoundRecord } from './ledger.ts';
import { outputPathOf, settledBy } from './ledger.ts';
import type { Manifest } from './manifest.ts';

const KEPT_ROUNDS = 20;

/**
 * The ledger after the manifest of round `next` was found or made: the round is open. The watermark stays and nothing is
 * pruned, because the listing that this manifest was made from is not at hand.
 */
export function openRound(ledger: Ledger, manifest: Manifest, job: JobRef): Ledger {
  const { redriveOf } = manifest;
  const first = redriveOf === undefined ? undefined : ledger.rounds.get(redriveOf);
  const { totals } = ledger;
  return {
    ...ledger,
    uploads: manifest.uploads,
    next: manifest.round + 1,
    open: openOf(manifest, job),
    settled: new Map([...ledger.settled, ...settledBy(manifest)]),
    totals: {
      ...totals,
      dropped: totals.dropped + manifest.dropped.length,
      failed: totals.failed - (redriveOf === undefined ? 0 : manifest.updates.length),
    },
    rounds:
      redriveOf === undefined || first === undefined
        ? ledger.rounds
        : withRecord(ledger.rounds, redriveOf, { ...first, redrivenAs: manifest.round }),
  };
}

function openOf(manifest: Manifest, job: JobRef): OpenRound {
  return {
    round: manifest.round,
    attempt: 1,
    created: false,
    notBeforeMs: 0,
    job,
    outputPaths: manifest.outputPaths,
    maxAttempts: manifest.maxAttempts,
    updates: manifest.updates.length,
    startedAt: manifest.sealedAt,
    ...(manifest.redriveOf !== undefined && { redriveOf: manifest.redriveOf }),
    failures: [],
  };
}

function withRecord(
  rounds: ReadonlyMap<number, RoundRecord>,
  round: number,
  record: RoundRecord,
): ReadonlyMap<number, RoundRecord> {
  return new Map(rounds).set(round, record);
}

/** `job` is known to be the open attempt's. */
export function noteCreated(ledger: Ledger, { metadata }: V1Job): Ledger {
  return changeOpen(ledger, { created: true, jobUid: metadata?.uid });
}

function changeOpen(ledger: Ledger, change: Partial<OpenRound>): Ledger {
  return ledger.open === null ? ledger : { ...ledger, open: { ...ledger.open, ...change } };
}

/** The open round is to end without another attempt. */
export function noteCancelled(ledger: Ledger): Ledger {
  return changeOpen(ledger, { cancelled: true });
}

/** The open attempt failed and another follows. */
export function nextAttempt(ledger: Ledger, failure: Failure, job: JobRef, notBefore: Date): Ledger {
  return changeOpen(ledger, {
    attempt: failure.attempt + 1,
    created: false,
    jobUid: undefined,
    notBeforeMs: notBefore.getTime(),
    job,
    failures: [...(ledger.open?.failures ?? []), failure],
  });
}

/** The open round has ended: with its output, or with `failure` and no attempt left. */
export function settleRound(ledger: Ledger, finishedAt: Date, failure?: Failure): Ledger {
  const { open, totals } = ledger;
  if (open === null) return ledger;
  const outcome: Outcome = failure === undefined ? 'aggregated' : 'failed';
  const record: RoundRecord = {
    outcome,
    attempts: open.attempt,
    updates: open.updates,
    outputPath: outputPathOf(open),
    startedAt: open.startedAt,
    finishedAt: finishedAt.toISOString(),
    ...(open.redriveOf !== undefined && { redriveOf: open.redriveOf }),
    failures: failure === undefined ? open.failures : [...open.failures, failure],
  };
  return {
    ...ledger,
    open: null,
    totals: { ...totals, [outcome]: totals[outcome] + open.updates },
    rounds: forgetOld(withRecord(ledger.rounds, open.round, record)),
    unpublished: [...ledger.unpublished, open.round],
  };
}

// All failed rounds stay, because they can be redriven; of those that cannot be, the newest are enough to look at.
function forgetOld(rounds: ReadonlyMap<number, RoundRecord>): ReadonlyMap<number, RoundRecord> {
  const done = [...rounds].filter(
    ([, { outcome, redrivenAs }]) => outcome === 'aggregated' || redrivenAs !== undefined,
  );
  const old = new Set(
    done
      .map(([round]) => round)
      .toSorted((a, b) => b - a)
      .slice(KEPT_ROUNDS),
  );
  return new Map([...rounds].filter(([round]) => !old.has(round)));
}

/** `rounds` have been published. */
export function notePublished(ledger: Ledger, rounds: readonly number[]): Ledger {
  return {
    ...ledger,
    unpublished: ledger.unpublished.filter((round) => !rounds.includes(round)),
  };
}
