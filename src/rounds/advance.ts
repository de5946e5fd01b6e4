import { createHash } from 'node:crypto';
import { AppError, ContentionError } from '../errors.ts';
import type { SortedUpdates } from './accounting.ts';
import { countUpdates, sortListing } from './accounting.ts';
import { observeRound } from './attempt.ts';
import type { UpdateCounts, VersionedLedger } from './ledger.ts';
import type { ListedUpdate } from './listing.ts';
import { listUpdates } from './listing.ts';
import type { Manifest } from './manifest.ts';
import { decide } from './policy.ts';
import { publishStep } from './publish.ts';
import { adoptStep, readManifest, redriveStep, sealStep } from './seal.ts';
import type {
  AdvanceResult,
  DoneAction,
  RoundsContext,
  Step,
  TaskContext,
  TaskDecision,
  TaskSnapshot,
} from './task-context.ts';
import { createContention, readSnapshot } from './task-context.ts';

export interface AdvanceOptions {
  /** Starts a round below its minimum, never without an update. */
  readonly force?: boolean;
  /** Returns the first action and its reason; writes nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The uploads of a task by state. */
export interface TaskUpdates {
  /** The manifest of a sealed round that is not in the ledger yet. */
  readonly unadopted: Manifest | null;
  readonly listing: readonly ListedUpdate[];
  readonly sorted: SortedUpdates;
  readonly accounting: UpdateCounts;
}

// Far more than a task needs in one call. It ends a loop that a fault of this service would make endless.
const MAX_STEPS = 100;

/**
 * Reconciles a task: publishes, settles or retries its open round, or starts the next one, until nothing can be done now.
 * It reads only the bucket and the cluster, so it can be called at any time, concurrently, and after a crash at any point.
 * Calls for the same task with the same values are coalesced within an instance.
 *
 * Throws ContentionError after six lost races, UnreadableStateError for state it cannot read, ConflictError for a changed
 * upload pattern or a Job of somebody else, PreflightError for missing Secrets, and what the ports throw.
 */
export async function advance(
  rounds: RoundsContext,
  taskId: string,
  options: AdvanceOptions = {},
): Promise<AdvanceResult> {
  if (options.dryRun === true) return reconcile(rounds, taskId, options);
  return rounds.coalescer.run(coalescingKey(rounds, taskId), options, async (merged) => {
    const startedMs = rounds.now().getTime();
    const result = await reconcile(rounds, taskId, merged);
    logResult(rounds, result, startedMs);
    return result;
  });
}

// A call must not decide by the values of another one, so it never joins a call with different values. The two run side
// by side, as on two instances.
function coalescingKey({ values }: RoundsContext, taskId: string): string {
  return `${createHash('sha256').update(JSON.stringify(values)).digest('base64')} ${taskId}`;
}

async function reconcile(
  rounds: RoundsContext,
  taskId: string,
  { force = false, dryRun = false, signal }: AdvanceOptions,
): Promise<AdvanceResult> {
  const call = signal === undefined ? {} : { signal };
  const done: DoneAction[] = [];
  const noteConflict = createContention(taskId);
  let snapshot = await readSnapshot(rounds, taskId, call, force);
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const { context, current } = snapshot;
    const step = await nextStep(context, current);
    const { next } = step;
    if (next.kind === 'wait' || dryRun) return toResult(snapshot, step, done, dryRun);
    const written = await next.run();
    // The force applies to one round. That round is sealed even where the ledger write was lost.
    const forceNext = context.force && next.act !== 'start';
    if (written === 'conflict') {
      noteConflict();
      snapshot = await readSnapshot(rounds, taskId, call, forceNext);
    } else {
      done.push({ act: next.act, round: next.round, reason: next.reason });
      snapshot = { context: { ...context, force: forceNext }, current: written };
    }
  }
  throw new ContentionError(`Task "${taskId}": it still needs an action after ${MAX_STEPS} steps; call again.`);
}

/** The next step of a task (docs/rounds.md). Only the `run` of the step writes. */
async function nextStep(context: TaskContext, current: VersionedLedger): Promise<Step> {
  const publish = publishStep(context, current);
  if (publish !== null) return { next: publish };
  const { open } = current.ledger;
  if (open !== null) return observeRound(context, current, open);
  const manifest = await readManifest(context, current.ledger.next);
  // The manifest is the set of the round, so adopting it needs no listing.
  if (manifest !== null) return { next: adoptStep(context, current, manifest) };
  const [wanted] = current.ledger.redrives;
  if (wanted !== undefined) return { next: redriveStep(context, current, wanted) };
  return stepFromUpdates(context, current, await readUpdates(context, current, null));
}

/** Reads the manifest of the next round, then the listing. With the ledger read before both, the counts add up. */
export async function readUpdates(
  context: TaskContext,
  { ledger }: VersionedLedger,
  manifest?: Manifest | null,
): Promise<TaskUpdates> {
  const unadopted = manifest === undefined ? await readManifest(context, ledger.next) : manifest;
  const listing = await listUpdates(context.rounds.store, context.policy, context.taskId, context.call);
  const sorted = sortListing(ledger, unadopted, listing);
  return { unadopted, listing, sorted, accounting: countUpdates(ledger, unadopted, sorted) };
}

/** The next step of a task without an open round. */
export function stepFromUpdates(context: TaskContext, current: VersionedLedger, updates: TaskUpdates): Step {
  const { unadopted, accounting, sorted, listing } = updates;
  if (unadopted !== null) return { next: adoptStep(context, current, unadopted), accounting };
  const [wanted] = current.ledger.redrives;
  if (wanted !== undefined) return { next: redriveStep(context, current, wanted), accounting };
  const decision = decide(context.policy, sorted.pending, context.now, context.force);
  if (decision.kind === 'wait') return { next: decision, accounting };
  return { next: sealStep(context, current, decision, sorted, listing), accounting };
}

/** The decision of a step that is not carried out. The reason contains the error that would stop it. */
export async function describeStep({ next }: Step): Promise<TaskDecision> {
  if (next.kind === 'wait') {
    return {
      kind: 'wait',
      reason: next.reason,
      ...(next.nextCheckAt !== undefined && { nextCheckAt: next.nextCheckAt.toISOString() }),
    };
  }
  try {
    await next.check?.();
    return { kind: next.act, reason: next.reason };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { kind: next.act, reason: `${next.reason} It is blocked: ${error.message}` };
  }
}

async function toResult(
  { context, current }: TaskSnapshot,
  step: Step,
  done: readonly DoneAction[],
  dryRun: boolean,
): Promise<AdvanceResult> {
  const { open } = current.ledger;
  return {
    taskId: context.taskId,
    dryRun,
    decision: await describeStep(step),
    done,
    ...(open !== null && { openRound: { round: open.round, attempt: open.attempt, updates: open.updates } }),
    ...(step.accounting !== undefined && { accounting: step.accounting }),
  };
}

function logResult({ log, now }: RoundsContext, result: AdvanceResult, startedMs: number): void {
  const { taskId, decision, done, openRound, accounting } = result;
  const failed = done.some(({ act }) => act === 'fail');
  log(failed ? 'ERROR' : 'INFO', `Task ${taskId}: ${[...done, decision].map(({ reason }) => reason).join(' ')}`, {
    taskId,
    decision: decision.kind,
    reason: decision.reason,
    done: done.map(({ act, round }) => `${act} ${round}`),
    ...openRound,
    ...accounting,
    durationMs: now().getTime() - startedMs,
  });
}
