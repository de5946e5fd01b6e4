import type { V1Job } from '@kubernetes/client-node';
import type { CallOptions } from '../storage/port.ts';
import type { Accounting } from './accounting.ts';
import type { Ledger } from './ledger.ts';
import type { RoundPolicy } from './policy.ts';

/** What one look at a task goes by. */
export interface Pass {
  readonly taskId: string;
  readonly policy: RoundPolicy;
  /** Taken before the ledger was read. */
  readonly now: Date;
  readonly force: boolean;
  readonly call: CallOptions;
}

/** A ledger and the generation it was read or written at: `'0'` and an empty one where there is none yet. */
export interface Known {
  readonly ledger: Ledger;
  readonly generation: string;
}

export type WaitCode =
  | 'nothing-pending'
  | 'below-goal'
  | 'overdue'
  | 'running'
  | 'pending'
  | 'suspended'
  | 'backoff'
  | 'pod-alive';

/** Nothing can be done now. */
export interface Wait {
  readonly kind: 'wait';
  readonly wait: WaitCode;
  /** One sentence: what is waited for, and until when. */
  readonly reason: string;
  readonly nextCheckAt?: Date | undefined;
}

export type ActName =
  | 'publish'
  | 'adopt'
  | 'start'
  | 'create-job'
  | 'note-job'
  | 'bury-job'
  | 'suspend-job'
  | 'delete-job'
  | 'retry'
  | 'settle'
  | 'fail';

/** The next thing to do. `run` does it; not running it is a dry run. */
export interface Act {
  readonly kind: 'act';
  readonly act: ActName;
  readonly round: number;
  /** One sentence: what is done, and why. */
  readonly reason: string;
  /** The state to go on with. `'conflict'`: the ledger is another by now, look again. */
  readonly run: () => Promise<Known | 'conflict'>;
  /** Throws what `run` would be refused for: a dry run and a status tell of it. */
  readonly check?: () => Promise<void>;
}

export interface Step {
  readonly next: Wait | Act;
  /** Where the step took a listing. */
  readonly accounting?: Accounting;
  /** Where the step looked at the open round's Job and found one. */
  readonly job?: V1Job;
}

/** What an act did, for answers and logs. */
export interface Done {
  readonly act: ActName;
  readonly round: number;
  readonly reason: string;
}

/** Of a task: why nothing happens now, or (in a dry run, or a status) what the next look will do. */
export interface TaskDecision {
  readonly kind: 'wait' | ActName;
  readonly reason: string;
  readonly nextCheckAt?: string;
}

/** The answer of `advance`. */
export interface AdvanceResult {
  readonly taskId: string;
  readonly dryRun: boolean;
  readonly decision: TaskDecision;
  /** In the order they were done. */
  readonly done: readonly Done[];
  /** The round that is open afterwards. */
  readonly openRound?: { readonly round: number; readonly attempt: number; readonly updates: number };
  /** Known where no round is open: only then is the bucket listed. */
  readonly accounting?: Accounting;
}
