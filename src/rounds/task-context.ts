import type { V1Job } from '@kubernetes/client-node';
import type { Jobs, Pods, Secrets } from '../cluster/port.ts';
import { ConflictError, ContentionError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { Allowances } from '../jobs/allowed.ts';
import type { SpecDefaults } from '../jobs/spec.ts';
import type { Log } from '../log.ts';
import type { CallOptions, ObjectStore } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri } from '../storage/uri.ts';
import type { Values } from '../values/parse-values.ts';
import type { Coalescer } from './coalesce.ts';
import type { Ledger, LedgerStore, UpdateCounts, VersionedLedger } from './ledger.ts';
import { emptyLedger } from './ledger.ts';
import { tasksFolder } from './paths.ts';
import type { RoundPolicy } from './policy.ts';
import { policiesOf } from './policy.ts';
import { ruleOf, taskIdProblem } from './update.ts';

/** What the rounds need, once per instance. */
export interface RoundsDeps {
  readonly store: ObjectStore;
  readonly cluster: Jobs & Secrets & Pick<Pods, 'listPods' | 'listEvents'>;
  readonly now: () => Date;
  readonly log: Log;
  readonly stateUri: GsUri;
  readonly allowed: Allowances;
  readonly defaults: SpecDefaults;
  readonly ledgers: LedgerStore;
  readonly coalescer: Coalescer<AdvanceResult>;
}

/** What one request works with: the values are those that this request read, whatever other requests read meanwhile. */
export interface RoundsContext extends RoundsDeps {
  readonly values: Values;
}

/** One reconcile of one task. */
export interface TaskContext {
  readonly rounds: RoundsContext;
  readonly taskId: string;
  readonly policy: RoundPolicy;
  /** Taken before the ledger was read. */
  readonly now: Date;
  readonly force: boolean;
  readonly call: CallOptions;
}

export interface TaskSnapshot {
  readonly context: TaskContext;
  readonly current: VersionedLedger;
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
  /** One sentence: what the task waits for, and until when. */
  readonly reason: string;
  readonly nextCheckAt?: Date | undefined;
}

export type ActionName =
  | 'publish'
  | 'adopt'
  | 'start'
  | 'redrive'
  | 'create-job'
  | 'note-job'
  | 'create-placeholder'
  | 'suspend-job'
  | 'delete-job'
  | 'retry'
  | 'settle'
  | 'fail';

/** The next action on a task. A dry run does not call `run`. */
export interface Action {
  readonly kind: 'act';
  readonly act: ActionName;
  readonly round: number;
  /** One sentence: what is done, and why. */
  readonly reason: string;
  /** Returns the ledger to continue with. `'conflict'`: the stored ledger has changed, so read it again. */
  readonly run: () => Promise<VersionedLedger | 'conflict'>;
  /** Throws the error that `run` would fail with, for dry runs and statuses. */
  readonly check?: () => Promise<void>;
}

export interface Step {
  readonly next: Wait | Action;
  /** Present where the step listed the uploads. */
  readonly accounting?: UpdateCounts;
  /** The Job of the open round, where the step found one. */
  readonly job?: V1Job;
}

/** An action that was done, for answers and logs. */
export interface DoneAction {
  readonly act: ActionName;
  readonly round: number;
  readonly reason: string;
}

/** Why nothing happens now or, in a dry run or a status, the next action. */
export interface TaskDecision {
  readonly kind: 'wait' | ActionName;
  readonly reason: string;
  readonly nextCheckAt?: string;
}

/** The result of `advance`. */
export interface AdvanceResult {
  readonly taskId: string;
  readonly dryRun: boolean;
  readonly decision: TaskDecision;
  /** In the order in which they were done. */
  readonly done: readonly DoneAction[];
  /** The round that is open afterwards. */
  readonly openRound?: { readonly round: number; readonly attempt: number; readonly updates: number };
  /** Absent while a round is open: the uploads are listed only when none is. */
  readonly accounting?: UpdateCounts;
}

/** The values no longer have the upload pattern that the task's state belongs to. */
export class ChangedPatternError extends ConflictError {}

const MAX_CONFLICTS = 5;

/**
 * Reads the time, then the ledger, then the policy of a task: the start of every reconcile. Throws InvalidRequestError for
 * an invalid taskId, ChangedPatternError when the policy of the task is gone, NotFoundError when it has none.
 */
export async function readSnapshot(
  rounds: RoundsContext,
  taskId: string,
  call: CallOptions,
  force = false,
): Promise<TaskSnapshot> {
  // Before the ledger: an upload between listing and write would otherwise fall behind the watermark and be lost.
  const now = rounds.now();
  const stored = await rounds.ledgers.read(taskId, call);
  const policy = policyOf(rounds, taskId, stored?.ledger ?? null);
  return {
    context: { rounds, taskId, policy, now, force, call },
    current: stored ?? { ledger: emptyLedger(taskId, policy.uploads.text), generation: '0' },
  };
}

/** Counts lost races in a loop over {@link readSnapshot}. The returned function throws ContentionError at the sixth. */
export function createContention(taskId: string): () => void {
  let conflicts = 0;
  return () => {
    conflicts += 1;
    if (conflicts <= MAX_CONFLICTS) return;
    throw new ContentionError(`Task "${taskId}": its state changed ${conflicts} times during the call; call again.`);
  };
}

/** Writes `ledger` over the one that was read. */
export function writeLedger(
  { rounds, call }: TaskContext,
  current: VersionedLedger,
  ledger: Ledger,
): Promise<VersionedLedger | 'conflict'> {
  return rounds.ledgers.write(current, ledger, call);
}

/** The policy that the task id belongs to. */
function policyOf({ values, stateUri }: RoundsContext, taskId: string, ledger: Ledger | null): RoundPolicy {
  const problem = taskIdProblem(taskId);
  if (problem !== null) throw new InvalidRequestError(`taskId: "${taskId.slice(0, 100)}" is ${problem}`);
  const policies = policiesOf(values);
  if (ledger === null && policies.length === 0)
    throw new NotFoundError('The values contain no rounds[], so there are no tasks.');
  const policy = ruleOf(policies, taskId);
  if (policy === undefined && ledger === null)
    throw new NotFoundError(`Task "${taskId}" has neither state nor uploads: no rounds[].taskIdPrefix fits its id.`);
  if (policy !== undefined && (ledger === null || policy.uploads.text === ledger.uploads)) return policy;
  const folder = formatGsUri(tasksFolder(stateUri));
  throw new ChangedPatternError(
    `The task belongs to rounds[].uploads ${ledger?.uploads}, and the values no longer have that pattern for its id. Restore it; or use ` +
      `new taskIds under the new pattern; or stop the service and move the task's folder below ${folder} away to start the task again with all its uploads.`,
    { details: { taskId, uploads: ledger?.uploads, patterns: policies.map(({ uploads }) => uploads.text) } },
  );
}
