import { AppError, NotFoundError } from '../errors.ts';
import { byCreation } from '../jobs/facts.ts';
import { LABELS } from '../jobs/manifest.ts';
import type { CallOptions } from '../storage/port.ts';
import { describeStep, readUpdates, stepFromUpdates } from './advance.ts';
import { taskSelector } from './attempt-job.ts';
import { observeRound } from './attempt.ts';
import type { Failure, JobRef, OpenRound, RedriveRequest, RoundRecord, UpdateCounts } from './ledger.ts';
import { outputPathOf } from './ledger.ts';
import type { ListedUpdate, Unusable } from './listing.ts';
import { listTaskFolders } from './listing.ts';
import { formatGsUri } from '../storage/uri.ts';
import { latestUri } from './paths.ts';
import type { RoundPolicy } from './policy.ts';
import { policiesOf } from './policy.ts';
import type { Latest } from './publish.ts';
import { parseLatest } from './publish.ts';
import type { RoundsContext, Step, TaskDecision } from './task-context.ts';
import { readSnapshot } from './task-context.ts';

/** `unknown`: the cluster did not answer; the reason of the decision contains the error. */
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
  readonly accounting: UpdateCounts;
  readonly decision: TaskDecision;
  /** The round timeout has passed with fewer than the minimum pending. */
  readonly overdue: boolean;
  readonly policy: Omit<RoundPolicy, 'uploads'> & { readonly uploads: string };
  readonly arrivals: Arrivals;
  /** The first of the objects that `accounting.invalid` counts and that are in the bucket. */
  readonly unusable: readonly Unusable[];
  readonly openRound?: OpenRoundStatus;
  /** Newest first: all failed rounds that were not redriven, and the last twenty others. */
  readonly rounds: readonly ({ readonly round: number } & RoundRecord)[];
  /** Requested redrives, which start when no round is open. */
  readonly redrives: readonly RedriveRequest[];
  readonly latest?: Latest;
}

export interface ListTasksOptions {
  readonly limit?: number;
  /** The `nextPageToken` of the previous page. */
  readonly pageToken?: string;
  readonly signal?: AbortSignal;
}

/** The status of a task, or why it cannot be read. A task with corrupt state must not hide the others. */
export type ListedTask = TaskStatus | { readonly taskId: string; readonly problem: string };

export interface TaskPage {
  readonly tasks: readonly ListedTask[];
  /** On the first page: folders with uploads that cannot be tasks. */
  readonly unusable?: readonly Unusable[];
  readonly nextPageToken?: string;
}

const HOUR_MS = 3_600_000;
const BUCKET_SEC = 1800;
const BUCKETS = 48;

/** How many updates arrived over time, of those that are still in the bucket. */
export interface Arrivals {
  readonly lastHour: number;
  /** When the report goal is reached at the rate of the last hour; absent when it is reached, or no update arrived. */
  readonly goalExpectedAt?: string;
  /** Uploads per `bucketSec` from `from` until now, oldest first. */
  readonly from: string;
  readonly bucketSec: number;
  readonly counts: readonly number[];
}

const DEFAULT_LIMIT = 50;
const MAX_UNUSABLE = 20;
const CONCURRENCY = 8;

/**
 * The status of a task: its update counts, what it waits for, and its rounds. Writes nothing. The counts add up to
 * `uploaded`, also while rounds start or end. Throws NotFoundError for a task without state and uploads, and what
 * `advance` throws.
 */
export async function readTask(
  rounds: RoundsContext,
  taskId: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<TaskStatus> {
  const call = signal === undefined ? {} : { signal };
  const { context, current } = await readSnapshot(rounds, taskId, call);
  const updates = await readUpdates(context, current);
  const { open } = current.ledger;
  if (current.generation === '0' && updates.unadopted === null && updates.listing.length === 0) {
    throw new NotFoundError(`Task "${taskId}" has neither state nor uploads.`);
  }
  const { step, decision } = await tryStep(() =>
    open === null ? stepFromUpdates(context, current, updates) : observeRound(context, current, open),
  );
  const latest = await readLatest(rounds, taskId, call);
  return {
    taskId,
    accounting: updates.accounting,
    decision,
    overdue: step?.next.kind === 'wait' && step.next.wait === 'overdue',
    policy: { ...context.policy, uploads: context.policy.uploads.text },
    arrivals: buildArrivals(updates.listing, context.policy.reportGoal - updates.sorted.pending.length, context.now),
    ...(open !== null && { openRound: toOpenStatus(open, step) }),
    rounds: [...current.ledger.rounds].toSorted(([a], [b]) => b - a).map(([round, record]) => ({ round, ...record })),
    unusable: updates.sorted.invalid.slice(0, MAX_UNUSABLE).map(({ name, problem }) => ({
      path: formatGsUri({ bucket: context.policy.uploads.bucket, name }),
      reason: problem ?? '',
    })),
    redrives: current.ledger.redrives,
    ...(latest !== undefined && { latest }),
  };
}

/** The update counts are right whether the cluster answers or not. */
async function tryStep(read: () => Promise<Step> | Step): Promise<{ step: Step | null; decision: TaskDecision }> {
  try {
    const step = await read();
    return { step, decision: await describeStep(step) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { step: null, decision: { kind: 'wait', reason: error.message } };
  }
}

async function readLatest(rounds: RoundsContext, taskId: string, call: CallOptions): Promise<Latest | undefined> {
  const uri = latestUri(rounds.stateUri, taskId);
  const found = await rounds.store.read(uri, call);
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
    case 'create-placeholder':
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
    case 'redrive':
      return 'claimed';
  }
}

/** The arrivals of the last day. `missing`: the number of updates that the report goal still lacks. */
function buildArrivals(listing: readonly ListedUpdate[], missing: number, now: Date): Arrivals {
  const bucketMs = BUCKET_SEC * 1000;
  const fromMs = now.getTime() - BUCKETS * bucketMs;
  const counts = Array.from({ length: BUCKETS }, () => 0);
  let lastHour = 0;
  for (const { timeCreatedMs } of listing) {
    if (timeCreatedMs > now.getTime() - HOUR_MS) lastHour += 1;
    // The bucket's clock may be ahead of this instance's.
    const index = Math.min(BUCKETS - 1, Math.floor((timeCreatedMs - fromMs) / bucketMs));
    if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
  }
  const goalExpected = lastHour > 0 && missing > 0;
  return {
    lastHour,
    ...(goalExpected && { goalExpectedAt: new Date(now.getTime() + (missing / lastHour) * HOUR_MS).toISOString() }),
    from: new Date(fromMs).toISOString(),
    bucketSec: BUCKET_SEC,
    counts,
  };
}

/** One page of tasks, sorted by id. */
export async function listTasks(rounds: RoundsContext, options: ListTasksOptions = {}): Promise<TaskPage> {
  const { limit = DEFAULT_LIMIT, pageToken = '', signal } = options;
  const folders = await listTaskFolders(rounds, policiesOf(rounds.values), signal === undefined ? {} : { signal });
  const taskIds = folders.taskIds.filter((taskId) => taskId > pageToken);
  const page = taskIds.slice(0, limit);
  const tasks = new Map<string, ListedTask>();
  const queue = page.values();
  async function worker(): Promise<void> {
    for (const taskId of queue) tasks.set(taskId, await tryReadTask(rounds, taskId, options));
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const last = page.at(-1);
  return {
    tasks: page.flatMap((taskId) => tasks.get(taskId) ?? []),
    ...(pageToken === '' && { unusable: folders.unusable.slice(0, MAX_UNUSABLE) }),
    ...(last !== undefined && page.length < taskIds.length && { nextPageToken: last }),
  };
}

async function tryReadTask(rounds: RoundsContext, taskId: string, options: ListTasksOptions): Promise<ListedTask> {
  try {
    return await readTask(rounds, taskId, options.signal === undefined ? {} : { signal: options.signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { taskId, problem: error.message };
  }
}

/** The newest pod of a round, in the namespace of its Job. Throws NotFoundError for a round that is not open and has none. */
export async function locateRoundPod(rounds: RoundsContext, taskId: string, round: number, call: CallOptions) {
  const { open } = (await readSnapshot(rounds, taskId, call)).current.ledger;
  const isOpen = open?.round === round;
  const namespace = isOpen ? open.job.namespace : (rounds.values.namespace ?? rounds.defaults.namespace);
  const selector = `${taskSelector(taskId)},${LABELS.round}=${round}`;
  const pods = await rounds.cluster.listPods(namespace, selector, call);
  const pod = [...pods].toSorted(byCreation).at(-1);
  if (pod === undefined && !isOpen) {
    throw new NotFoundError(
      `Round ${round} of task "${taskId}" is not open and has no pod. GET /tasks/${taskId} lists the rounds.`,
    );
  }
  const isEnded = pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed';
  return { namespace, pod: pod?.metadata?.name, isOver: isEnded || !isOpen };
}
