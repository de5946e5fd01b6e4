import type { Manifest } from './manifest.ts';

/** Which generation of an update was sealed or dropped, and when the bucket created it. */
export interface SettledId {
  readonly generation: string;
  readonly timeCreatedMs: number;
}

export interface JobRef {
  readonly namespace: string;
  readonly name: string;
}

export interface Failure {
  readonly attempt: number;
  /** One word for programs: `Vanished`, `OutputMissing`, or the Job condition's reason. */
  readonly code: string;
  readonly reason: string;
}

/** The round that is sealed and not yet settled. */
export interface OpenRound {
  readonly round: number;
  readonly attempt: number;
  /** Whether a Job of this attempt is known to have existed: absent then means vanished, else not yet created. */
  readonly created: boolean;
  /** No Job of this attempt is created before, in ms. */
  readonly notBeforeMs: number;
  /**
   * The attempt's Job, frozen before it is created: a release name or namespace changed in mid-round would make a
   * running Job look absent, and a second one run beside it.
   */
  readonly job: JobRef;
  /** One per attempt. */
  readonly outputPaths: readonly string[];
  readonly maxAttempts: number;
  /** How many updates. */
  readonly updates: number;
  readonly startedAt: string;
  readonly redriveOf?: number | undefined;
  /** Somebody asked for its end: it is suspended and counts as failed unless it was complete already. */
  readonly cancelled?: true | undefined;
  readonly failures: readonly Failure[];
}

export type Outcome = 'aggregated' | 'failed';

/** A settled round. */
export interface RoundRecord {
  readonly outcome: Outcome;
  readonly attempts: number;
  readonly updates: number;
  /** Of the last attempt. */
  readonly outputPath: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly redriveOf?: number | undefined;
  readonly redrivenAs?: number | undefined;
  readonly failures: readonly Failure[];
}

export interface Totals {
  readonly aggregated: number;
  readonly failed: number;
  readonly dropped: number;
  readonly duplicate: number;
  readonly invalid: number;
}

export interface Ledger {
  readonly taskId: string;
  /** The upload pattern the task's rounds were counted by. */
  readonly uploads: string;
  /** The number of the next round to be sealed. */
  readonly next: number;
  /** What is listed with a `timeCreated` at or before, in ms, and is not in `settled`, counts as settled. Never falls. */
  readonly watermarkMs: number;
  readonly open: OpenRound | null;
  readonly settled: ReadonlyMap<string, SettledId>;
  /** Updates of finished rounds, all dropped ones, and of `duplicate` and `invalid` what lies behind the watermark. */
  readonly totals: Totals;
  readonly rounds: ReadonlyMap<number, RoundRecord>;
  /** Settled rounds whose result may not have been published. */
  readonly unpublished: readonly number[];
}

const KEPT_ROUNDS = 20;

/** The ledger of a task that has none. */
export const emptyLedger = (taskId: string, uploads: string): Ledger => ({
  taskId,
  uploads,
  next: 1,
  watermarkMs: 0,
  open: null,
  settled: new Map(),
  totals: { aggregated: 0, failed: 0, dropped: 0, duplicate: 0, invalid: 0 },
  rounds: new Map(),
  unpublished: [],
});

const withRecord = (
  rounds: ReadonlyMap<number, RoundRecord>,
  round: number,
  record: RoundRecord,
): ReadonlyMap<number, RoundRecord> => new Map(rounds).set(round, record);

// All failed rounds stay, because they can be redriven; of those that cannot be, the newest are enough to look at.
const forgetOld = (rounds: ReadonlyMap<number, RoundRecord>): ReadonlyMap<number, RoundRecord> => {
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
};

const openOf = (manifest: Manifest, job: JobRef): OpenRound => ({
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
});

/** What a manifest settles: nothing new for a redrive, whose updates its first round has settled. */
export const settledBy = (manifest: Manifest): ReadonlyMap<string, SettledId> =>
  new Map(
    (manifest.redriveOf === undefined ? [...manifest.updates, ...manifest.dropped] : []).map(
      ({ jobId, generation, timeCreated }) => [jobId, { generation, timeCreatedMs: Date.parse(timeCreated) }],
    ),
  );

/**
 * The ledger after the manifest of round `next` was found or made: the round is open. The watermark stays and nothing is
 * pruned, because the listing that this manifest was made from is not at hand.
 */
export const openRound = (ledger: Ledger, manifest: Manifest, job: JobRef): Ledger => {
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
};

const changeOpen = (ledger: Ledger, change: Partial<OpenRound>): Ledger =>
  ledger.open === null ? ledger : { ...ledger, open: { ...ledger.open, ...change } };

/** The Job of the open attempt is known to exist. */
export const noteCreated = (ledger: Ledger): Ledger => changeOpen(ledger, { created: true });

/** The open round is to end without another attempt. */
export const noteCancelled = (ledger: Ledger): Ledger => changeOpen(ledger, { cancelled: true });

/** The open attempt failed and another follows. */
export const nextAttempt = (ledger: Ledger, failure: Failure, job: JobRef, notBefore: Date): Ledger =>
  changeOpen(ledger, {
    attempt: failure.attempt + 1,
    created: false,
    notBeforeMs: notBefore.getTime(),
    job,
    failures: [...(ledger.open?.failures ?? []), failure],
  });

/** The directory the open attempt writes to. */
export const outputPathOf = (open: OpenRound): string => open.outputPaths[open.attempt - 1] ?? '';

/** The open round has ended: with its output, or with `failure` and no attempt left. */
export const settleRound = (ledger: Ledger, finishedAt: Date, failure?: Failure): Ledger => {
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
};

/** `rounds` have been published. */
export const notePublished = (ledger: Ledger, rounds: readonly number[]): Ledger => ({
  ...ledger,
  unpublished: ledger.unpublished.filter((round) => !rounds.includes(round)),
});
