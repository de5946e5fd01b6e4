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
  /** Of that Job: one of its name and another uid was made after it was deleted. */
  readonly jobUid?: string | undefined;
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
    unpublished: [],
  };
}

/** The directory the open attempt writes to. */
export function outputPathOf(open: OpenRound): string {
  return open.outputPaths[open.attempt - 1] ?? '';
}

/** What a manifest settles: nothing new for a redrive, whose updates its first round has settled. */
export function settledBy(manifest: Manifest): ReadonlyMap<string, SettledId> {
  return new Map(
    (manifest.redriveOf === undefined ? [...manifest.updates, ...manifest.dropped] : []).map(
      ({ jobId, generation, timeCreated }) => [jobId, { generation, timeCreatedMs: Date.parse(timeCreated) }],
    ),
  );
}
