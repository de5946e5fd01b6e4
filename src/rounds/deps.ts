import type { V1Job, V1Pod } from '@kubernetes/client-node';
import type { Jobs, Pods } from '../cluster/port.ts';
import type { Log } from '../log.ts';
import type { CallOptions, ObjectStore } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import type { Coalescer } from './coalesce.ts';
import type { LedgerStore } from './ledger-store.ts';
import type { RoundPolicy } from './policy.ts';
import type { AdvanceResult } from './step.ts';

/** What an attempt's Job is built from. */
export interface AttemptInput {
  readonly taskId: string;
  readonly round: number;
  readonly attempt: number;
  /** `gs://` path of the checkpoint list. */
  readonly listUri: string;
  /** `gs://` path of the directory the aggregator writes to. */
  readonly outputPath: string;
  readonly policy: RoundPolicy;
}

export interface RoundsDeps {
  readonly store: ObjectStore;
  readonly cluster: Jobs & Pick<Pods, 'listPods'>;
  readonly now: () => Date;
  readonly log: Log;
  readonly stateUri: GsUri;
  /** The policies in force. */
  readonly policies: (call?: CallOptions) => Promise<readonly RoundPolicy[]>;
  /**
   * The Job of one attempt, with a namespace and a valid name that is the same for the same task, round and attempt.
   * Its pods carry the labels that {@link RoundsDeps.podSelector} selects by.
   */
  readonly buildJob: (input: AttemptInput) => V1Job;
  /** Selects every pod of every round of the task. */
  readonly podSelector: (taskId: string) => string;
  /** One sentence on what an unfinished Job is doing, or what holds it up. */
  readonly explain: (job: V1Job, pods: readonly V1Pod[]) => string;
  /** Throws PreflightError when a Secret or key that the Job needs is missing. */
  readonly preflight: (job: V1Job, call?: CallOptions) => Promise<void>;
  /** One per instance, as is `coalescer`. */
  readonly ledgers: LedgerStore;
  readonly coalescer: Coalescer<AdvanceResult>;
}
