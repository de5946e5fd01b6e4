import { AppError, NotFoundError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import type { Accounting } from './accounting.ts';
import { beginPass, describeStep } from './advance.ts';
import type { Arrivals } from './arrivals.ts';
import { buildArrivals } from './arrivals.ts';
import type { RoundsDeps } from './deps.ts';
import type { Failure, JobRef, OpenRound, RoundRecord } from './ledger.ts';
import { outputPathOf } from './ledger.ts';
import { readBooks, stepFromBooks } from './next-step.ts';
import { lookAtRound } from './open-round.ts';
import { latestUri } from './paths.ts';
import type { RoundPolicy } from './policy.ts';
import { parseLatest } from './result.ts';
import type { Latest } from './result.ts';
import type { Step, TaskDecision } from './step.ts';

/** `unknown`: the cluster could not be asked; the decision's reason says why. */
export type OpenState =
  | 'claimed'
  | 'created'
  | 'pending'
  | 'running'
  | 'complete'
  | 'failed'
  | 'cancelled'
  | 'gone'
  | 'unknown';

export interface OpenRoundStatus {
  readonly round: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly state: OpenState;
  readonly updates: number;
  readonly job: JobRef & { readonly uid?: string };
  readonly outputPath: string;
  readonly startedAt: string;
  readonly redriveOf?: number;
  readonly failures: readonly Failure[];
}

export interface TaskStatus {
  readonly taskId: string;
  readonly accounting: Accounting;
  readonly decision: TaskDecision;
  /** Its time is up, and fewer than the minimum are pending. */
  readonly overdue: boolean;
  readonly policy: Omit<RoundPolicy, 'uploads'> & { readonly uploads: string };
  readonly arrivals: Arrivals;
  readonly openRound?: OpenRoundStatus;
  /** Newest first: every failed one that was not redriven, and the last twenty others. */
  readonly rounds: readonly ({ readonly round: number } & RoundRecord)[];
  readonly latest?: Latest;
}

/**
 * How a task stands: its books, what it waits for, its rounds. Writes nothing. `uploaded` and its parts add up whatever
 * goes on meanwhile. Throws NotFoundError for a task without state and uploads, and otherwise what `advance` throws.
 */
export async function readTask(
  deps: RoundsDeps,
  taskId: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<TaskStatus> {
  const call = signal === undefined ? {} : { signal };
  const { pass, known } = await beginPass(deps, taskId, call);
  const books = await readBooks(deps, pass, known);
  const { open } = known.ledger;
  if (known.generation === '0' && books.unadopted === null && books.listing.length === 0) {
    throw new NotFoundError(`Task "${taskId}" has neither state nor uploads.`);
  }
  const { step, decision } = await tryLook(() =>
    open === null ? stepFromBooks(deps, pass, known, books) : lookAtRound(deps, pass, known, open),
  );
  const latest = await readLatest(deps, taskId, call);
  return {
    taskId,
    accounting: books.accounting,
    decision,
    overdue: step?.next.kind === 'wait' && step.next.wait === 'overdue',
    policy: { ...pass.policy, uploads: pass.policy.uploads.text },
    arrivals: buildArrivals(books.listing, pass.policy.reportGoal - books.sorted.pending.length, pass.now),
    ...(open !== null && { openRound: toOpenStatus(open, step) }),
    rounds: [...known.ledger.rounds].toSorted(([a], [b]) => b - a).map(([round, record]) => ({ round, ...record })),
    ...(latest !== undefined && { latest }),
  };
}

/** The books are true whether the cluster answers or not. */
async function tryLook(look: () => Promise<Step> | Step): Promise<{ step: Step | null; decision: TaskDecision }> {
  try {
    const step = await look();
    return { step, decision: await describeStep(step) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { step: null, decision: { kind: 'wait', reason: error.message } };
  }
}

async function readLatest(deps: RoundsDeps, taskId: string, call: CallOptions): Promise<Latest | undefined> {
  const uri = latestUri(deps.stateUri, taskId);
  const found = await deps.store.read(uri, call);
  return found === null || found === 'unchanged' ? undefined : parseLatest(uri, found.text);
}

function toOpenStatus(open: OpenRound, step: Step | null): OpenRoundStatus {
  const uid = step?.job?.metadata?.uid;
  const seen = step === null ? 'unknown' : stateOf(step);
  return {
    round: open.round,
    attempt: open.attempt,
    maxAttempts: open.maxAttempts,
    state: open.cancelled === true ? 'cancelled' : seen,
    updates: open.updates,
    job: { ...open.job, ...(uid !== undefined && { uid }) },
    outputPath: outputPathOf(open),
    startedAt: open.startedAt,
    ...(open.redriveOf !== undefined && { redriveOf: open.redriveOf }),
    failures: open.failures,
  };
}

function stateOf({ next }: Step): OpenState {
  if (next.kind === 'wait') {
    if (next.wait === 'running') return 'running';
    return next.wait === 'backoff' || next.wait === 'pod-alive' ? 'claimed' : 'pending';
  }
  switch (next.act) {
    case 'settle':
      return 'complete';
    case 'retry':
    case 'fail':
      return 'failed';
    case 'bury-job':
      return 'gone';
    case 'note-job':
      return 'created';
    case 'suspend-job':
    case 'delete-job':
      return 'cancelled';
    case 'create-job':
    case 'publish':
    case 'adopt':
    case 'start':
      return 'claimed';
  }
}
