import { AppError, ContentionError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import type { RoundsDeps } from './deps.ts';
import { emptyLedger } from './ledger.ts';
import { nextStep } from './next-step.ts';
import type { AdvanceResult, Done, Known, Pass, Step, TaskDecision } from './step.ts';
import { policyOf } from './task-policy.ts';

export interface AdvanceOptions {
  /** Starts a round below its minimum, never with nothing. */
  readonly force?: boolean;
  /** Says what would be done first, and why; writes nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

const MAX_CONFLICTS = 5;
// Far more than any task needs in one go; a loop of ours would otherwise never end.
const MAX_STEPS = 100;

export interface Begun {
  readonly pass: Pass;
  readonly known: Known;
}

/** `now`, then the ledger and its policy: what every look at a task begins with. */
export async function beginPass(deps: RoundsDeps, taskId: string, call: CallOptions, force = false): Promise<Begun> {
  // Before the ledger: an upload between listing and write would else fall behind the watermark and be lost.
  const now = deps.now();
  const { ledger, generation } = await deps.ledgers.read(taskId, call);
  const policy = await policyOf(deps, taskId, ledger, call);
  const known = { ledger: ledger ?? emptyLedger(taskId, policy.uploads.text), generation };
  return { pass: { taskId, policy, now, force, call }, known };
}

/** For loops over {@link beginPass}: counts lost races, and throws ContentionError at the sixth. */
export function createContention(taskId: string): () => void {
  let conflicts = 0;
  return () => {
    conflicts += 1;
    if (conflicts <= MAX_CONFLICTS) return;
    throw new ContentionError(
      `Task "${taskId}": its state changed ${conflicts} times while it was looked at; call again.`,
    );
  };
}

/** A step as an answer tells of it, without doing it; what it would be refused for stands in the reason. */
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
    return { kind: next.act, reason: `${next.reason} It is held up: ${error.message}` };
  }
}

/**
 * Does for a task whatever can be done now: publishes, settles or retries its open round, or starts the next one.
 * Looks at the bucket and the cluster only, so it may be called by anyone, twice, at once, or after a crash anywhere.
 * Calls for one task within an instance are coalesced.
 *
 * Throws ContentionError after six lost races, UnreadableStateError for state it cannot read, ConflictError for a changed
 * upload pattern or a Job that is not ours, PreflightError for missing Secrets, and what the ports throw.
 */
export async function advance(deps: RoundsDeps, taskId: string, options: AdvanceOptions = {}): Promise<AdvanceResult> {
  if (options.dryRun === true) return run(deps, taskId, options);
  return deps.coalescer.run(taskId, options, async (merged) => {
    const startedMs = deps.now().getTime();
    const result = await run(deps, taskId, merged);
    logLine(deps, result, startedMs);
    return result;
  });
}

async function run(
  deps: RoundsDeps,
  taskId: string,
  { force = false, dryRun = false, signal }: AdvanceOptions,
): Promise<AdvanceResult> {
  const call = signal === undefined ? {} : { signal };
  const done: Done[] = [];
  const noteConflict = createContention(taskId);
  let begun = await beginPass(deps, taskId, call, force);
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const { pass, known } = begun;
    const step = await nextStep(deps, pass, known);
    const { next } = step;
    if (next.kind === 'wait' || dryRun) return toResult(begun, step, done, dryRun);
    const state = await next.run();
    // Forced once: the round that was asked for is sealed, even where our ledger write was lost.
    const forceNext = pass.force && next.act !== 'start';
    if (state === 'conflict') {
      noteConflict();
      begun = await beginPass(deps, taskId, call, forceNext);
    } else {
      done.push({ act: next.act, round: next.round, reason: next.reason });
      begun = { pass: { ...pass, force: forceNext }, known: state };
    }
  }
  throw new ContentionError(`Task "${taskId}": ${MAX_STEPS} steps did not bring it to rest; call again.`);
}

async function toResult(
  { pass, known }: Begun,
  step: Step,
  done: readonly Done[],
  dryRun: boolean,
): Promise<AdvanceResult> {
  const { open } = known.ledger;
  return {
    taskId: pass.taskId,
    dryRun,
    decision: await describeStep(step),
    done,
    ...(open !== null && { openRound: { round: open.round, attempt: open.attempt, updates: open.updates } }),
    ...(step.accounting !== undefined && { accounting: step.accounting }),
  };
}

function logLine(deps: RoundsDeps, result: AdvanceResult, startedMs: number): void {
  const failed = result.done.some(({ act }) => act === 'fail');
  const { taskId, decision, done, openRound, accounting } = result;
  deps.log(failed ? 'ERROR' : 'INFO', `Task ${taskId}: ${[...done, decision].map(({ reason }) => reason).join(' ')}`, {
    taskId,
    decision: decision.kind,
    reason: decision.reason,
    done: done.map(({ act, round }) => `${act} ${round}`),
    ...openRound,
    ...accounting,
    durationMs: deps.now().getTime() - startedMs,
  });
}
