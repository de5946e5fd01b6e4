import type { V1Job } from '@kubernetes/client-node';
import * as z from 'zod';
import type { CallOptions } from '../storage/port.ts';
import type { Manifest } from './manifest.ts';
import { contentHash } from './manifest.ts';

/** The generation of an update that was sealed or dropped, and when the bucket created it. */
export interface SettledId {
  readonly generation: string;
  readonly timeCreatedMs: number;
  /** {@link contentOf} the update. Absent where an earlier version settled it. */
  readonly content?: string;
}

const Count = z.int().nonnegative();
const Round = z.int().positive();
const Time = z.iso.datetime();

const JobRefSchema = z.object({ namespace: z.string(), name: z.string() });
export type JobRef = z.infer<typeof JobRefSchema>;

const FailureSchema = z.object({
  attempt: Round,
  /** One word: `Vanished`, `OutputMissing`, `OutputNotEmpty`, `Cancelled`, or the reason of the Job's condition. */
  code: z.string(),
  reason: z.string(),
});
export type Failure = z.infer<typeof FailureSchema>;

export const OpenRoundSchema = z.object({
  round: Round,
  attempt: Round,
  /** Whether a Job of this attempt has existed. If it has and is absent, it vanished; otherwise it is still to be created. */
  created: z.boolean(),
  /** The uid of that Job. A Job with the same name and another uid was created after it was deleted. */
  jobUid: z.string().optional(),
  /** The attempt's Job is not created before this time. */
  notBefore: Time,
  /** Frozen before the Job is created: under a changed release name, a running Job would look absent. */
  job: JobRefSchema,
  /** One per attempt. */
  outputPaths: z.array(z.string()).min(1),
  maxAttempts: Round,
  /** The number of updates. */
  updates: Round,
  /** The hash of the updates. Absent in a round that an earlier version opened. */
  content: z.string().optional(),
  startedAt: Time,
  redriveOf: Round.optional(),
  /** A cancellation was requested: the Job is suspended and the round fails, unless the Job is already complete. */
  cancelled: z.literal(true).optional(),
  failures: z.array(FailureSchema),
});
/** The round that is sealed and not settled. */
export type OpenRound = z.infer<typeof OpenRoundSchema>;

export const RoundRecordSchema = z.object({
  outcome: z.enum(['aggregated', 'failed']),
  attempts: Round,
  updates: Round,
  /** The output directory of the last attempt. */
  outputPath: z.string(),
  startedAt: Time,
  finishedAt: Time,
  redriveOf: Round.optional(),
  redrivenAs: Round.optional(),
  failures: z.array(FailureSchema),
});
/** A settled round. */
export type RoundRecord = z.infer<typeof RoundRecordSchema>;

export const RedriveSchema = z.object({
  /** The failed round. */
  round: Round,
  /** jobIds to leave out. They remain counted as failed. */
  without: z.array(z.string()),
});
/** A request to redrive a round, which is carried out when no round is open. */
export type RedriveRequest = z.infer<typeof RedriveSchema>;

export const TotalsSchema = z.object({
  aggregated: Count,
  failed: Count,
  dropped: Count,
  duplicate: Count,
  invalid: Count,
});
/** Numbers of updates that the ledger no longer lists by id, or that finished rounds hold. */
export type Totals = z.infer<typeof TotalsSchema>;

/** The number of updates of a task by state. `uploaded` is the sum of the others, at every moment. */
export interface UpdateCounts extends Totals {
  readonly uploaded: number;
  readonly running: number;
  readonly pending: number;
}

/** The state of one task: `ledger.json`. */
export interface Ledger {
  readonly taskId: string;
  /** The upload pattern of the task's rounds. */
  readonly uploads: string;
  /** The number of the next round to be sealed. */
  readonly next: number;
  /** A listed object with a `timeCreated` at or before this, in ms since 1970, counts as settled. It never decreases. */
  readonly watermarkMs: number;
  readonly open: OpenRound | null;
  readonly settled: ReadonlyMap<string, SettledId>;
  /** Updates of finished rounds, all dropped ones, and the duplicate and invalid ones at or before the watermark. */
  readonly totals: Totals;
  readonly rounds: ReadonlyMap<number, RoundRecord>;
  /** In the order in which they are carried out. */
  readonly redrives: readonly RedriveRequest[];
  /** Settled rounds whose result may not be published yet. */
  readonly unpublished: readonly number[];
}

/** A ledger and the generation of its object. */
export interface VersionedLedger {
  readonly ledger: Ledger;
  /** `'0'` for a ledger that is not stored yet. */
  readonly generation: string;
}

export interface LedgerStore {
  /** `null` when the task has no ledger. Throws UnreadableStateError for a corrupt one, or one of a newer version. */
  read(taskId: string, call?: CallOptions): Promise<VersionedLedger | null>;
  /**
   * Writes `ledger` only where the stored generation is still that of `current`, and returns it with its new generation.
   * `'conflict'` may be the echo of our own write, so it never means that another instance did the same: read again.
   */
  write(current: VersionedLedger, ledger: Ledger, call?: CallOptions): Promise<VersionedLedger | 'conflict'>;
}

/** Settled rounds that are kept in the ledger, besides the failed ones that were not redriven. */
const KEPT_ROUNDS = 20;

/** The ledger of a task that has none. */
export function emptyLedger(taskId: string, uploads: string): Ledger {
  return {
    taskId,
    uploads,
    next: 1,
    watermarkMs: 0,
    open: null,
    settled: new Map(),
    totals: { aggregated: 0, failed: 0, dropped: 0, duplicate: 0, invalid: 0 },
    rounds: new Map(),
    redrives: [],
    unpublished: [],
  };
}

/** The directory that the open attempt writes to. */
export function outputPathOf(open: OpenRound): string {
  return open.outputPaths[open.attempt - 1] ?? '';
}

/** Equal for objects with equal bytes; `undefined` where the bucket gives no checksum. */
export function contentOf({ crc32c, size }: { readonly crc32c: string; readonly size: number }): string | undefined {
  return crc32c === '' ? undefined : `${crc32c} ${size}`;
}

/** The ids that a manifest settles. A redrive settles none, because its updates were settled by the failed round. */
export function settledBy(manifest: Manifest): ReadonlyMap<string, SettledId> {
  return new Map(
    (manifest.redriveOf === undefined ? [...manifest.updates, ...manifest.dropped] : []).map(
      ({ jobId, generation, timeCreated, ...update }) => {
        const content = contentOf(update);
        const timeCreatedMs = Date.parse(timeCreated);
        return [jobId, { generation, timeCreatedMs, ...(content !== undefined && { content }) }];
      },
    ),
  );
}

/**
 * The ledger with the round of `manifest` open. The watermark does not change and no id leaves `settled`, because the
 * listing of the seal may not be available.
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
    redrives: ledger.redrives.filter(({ round }) => round !== redriveOf),
  };
}

function openOf(manifest: Manifest, job: JobRef): OpenRound {
  return {
    round: manifest.round,
    attempt: 1,
    created: false,
    notBefore: new Date(0).toISOString(),
    job,
    outputPaths: manifest.outputPaths,
    maxAttempts: manifest.maxAttempts,
    updates: manifest.updates.length,
    content: contentHash(manifest),
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

/** Records that the Job of the open attempt exists. */
export function noteCreated(ledger: Ledger, { metadata }: V1Job): Ledger {
  return changeOpen(ledger, { created: true, jobUid: metadata?.uid });
}

function changeOpen(ledger: Ledger, change: Partial<OpenRound>): Ledger {
  return ledger.open === null ? ledger : { ...ledger, open: { ...ledger.open, ...change } };
}

/** Records that the cancellation of the open round was requested. */
export function noteCancelled(ledger: Ledger): Ledger {
  return changeOpen(ledger, { cancelled: true });
}

/** Records that a redrive was requested. */
export function noteRedrive(ledger: Ledger, request: RedriveRequest): Ledger {
  return { ...ledger, redrives: [...ledger.redrives, request] };
}

/** Records that the open attempt failed and prepares the next one. */
export function nextAttempt(ledger: Ledger, failure: Failure, job: JobRef, notBefore: Date): Ledger {
  return changeOpen(ledger, {
    attempt: failure.attempt + 1,
    created: false,
    jobUid: undefined,
    notBefore: notBefore.toISOString(),
    job,
    failures: [...(ledger.open?.failures ?? []), failure],
  });
}

/** Settles the open round: as aggregated, or as failed with `failure` where no attempt is left. */
export function settleRound(ledger: Ledger, finishedAt: Date, failure?: Failure): Ledger {
  const { open, totals } = ledger;
  if (open === null) return ledger;
  const outcome = failure === undefined ? 'aggregated' : 'failed';
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

// Failed rounds stay until they are redriven. Of the others, the newest are kept.
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

/** Records that the results of `rounds` are published. */
export function notePublished(ledger: Ledger, rounds: readonly number[]): Ledger {
  return {
    ...ledger,
    unpublished: ledger.unpublished.filter((round) => !rounds.includes(round)),
  };
}
