import { DeadlineError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { advance } from './advance.ts';
import type { RoundsDeps } from './deps.ts';
import type { AdvanceResult } from './step.ts';
import { readCursor, writeCursor } from './sweep-cursor.ts';
import type { SweepCursor } from './sweep-cursor.ts';
import { listTaskIds } from './task-ids.ts';

export interface SweepOptions {
  /** Tasks looked at side by side. */
  readonly concurrency?: number;
  /** Tasks begun per write of the cursor. */
  readonly batchSize?: number;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Says what the next step of every task would be; writes nothing. */
  readonly dryRun?: boolean;
}

export interface SweepResult {
  /** How many tasks were looked at. */
  readonly tasks: number;
  /** Rounds, over all tasks. */
  readonly started: number;
  readonly settled: number;
  readonly failed: number;
  /** False: it ran out of time, the next sweep goes on from there. */
  readonly complete: boolean;
  /** Tasks that could not be looked at, and why; the others went on. */
  readonly problems: readonly { readonly taskId: string; readonly message: string }[];
  /** In a dry run: what each task needs. */
  readonly decisions?: readonly { readonly taskId: string; readonly kind: string; readonly reason: string }[];
}

const CONCURRENCY = 16;
// Cloud Storage takes about one write a second per object: a batch must last about that long.
const BATCH_SIZE = 64;

interface Tally {
  readonly results: AdvanceResult[];
  readonly problems: { taskId: string; message: string }[];
}

/** The batches in which the tasks are visited: those a dead sweep had begun one by one, then the rest from its cursor on. */
export function planBatches(
  taskIds: readonly string[],
  { after, begun }: SweepCursor,
  batchSize: number,
): readonly (readonly string[])[] {
  const suspects = taskIds.filter((taskId) => begun.includes(taskId));
  const rest = taskIds.filter((taskId) => !begun.includes(taskId));
  const start = rest.findIndex((taskId) => taskId > after);
  const turned = start < 0 ? rest : [...rest.slice(start), ...rest.slice(0, start)];
  const batches = Array.from({ length: Math.ceil(turned.length / batchSize) }, (_, index) =>
    turned.slice(index * batchSize, (index + 1) * batchSize),
  );
  return [...suspects.map((taskId) => [taskId]), ...batches];
}

/**
 * Advances every task that has a ledger or uploads, within its own deadline. A task that fails, or whose state cannot be
 * read, is told of in `problems` and does not stop the others.
 */
export async function sweep(deps: RoundsDeps, options: SweepOptions = {}): Promise<SweepResult> {
  const controller = new AbortController();
  function abort(): void {
    return controller.abort();
  }
  const timer = options.deadlineMs === undefined ? undefined : setTimeout(abort, options.deadlineMs);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted === true) abort();
  try {
    return await visitAll(deps, options, { signal: controller.signal });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  }
}

async function visitAll(
  deps: RoundsDeps,
  { concurrency = CONCURRENCY, batchSize = BATCH_SIZE, dryRun = false }: SweepOptions,
  call: CallOptions,
): Promise<SweepResult> {
  const tally: Tally = { results: [], problems: [] };
  const taskIds = await listTaskIds(deps, call);
  const cursor = await readCursor(deps, call);
  const waiting = new Set(cursor.begun.filter((taskId) => taskIds.includes(taskId)));
  let { after } = cursor;
  for (const batch of planBatches(taskIds, cursor, batchSize)) {
    if (call.signal?.aborted === true) break;
    // Before the batch: a task that kills its instance would else be met first by every sweep, and starve the rest.
    const alone = batch.length === 1 && waiting.delete(batch[0] ?? '');
    const end = alone ? after : (batch.at(-1) ?? after);
    if (!dryRun) await writeCursor(deps, { after: end, begun: alone ? [...waiting] : batch }, call);
    let begun = 0;
    await visitBatch(batch, concurrency, async (taskId) => {
      if (call.signal?.aborted === true) return;
      begun += 1;
      await visit(deps, taskId, tally, dryRun, call);
    });
    // Tasks are begun in order. Where time ran out among them the next sweep goes on with the first that was not: with
    // the next batch, they would be met by no sweep at all.
    if (!alone) after = begun === batch.length ? end : (batch[begun - 1] ?? after);
  }
  if (!dryRun) await writeCursor(deps, { after, begun: [] }, {});
  return summarise(tally, taskIds.length, dryRun);
}

async function visitBatch(
  batch: readonly string[],
  concurrency: number,
  work: (taskId: string) => Promise<void>,
): Promise<void> {
  const queue = batch.values();
  async function worker(): Promise<void> {
    for (const taskId of queue) await work(taskId);
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, batch.length) }, worker));
}

async function visit(
  deps: RoundsDeps,
  taskId: string,
  tally: Tally,
  dryRun: boolean,
  call: CallOptions,
): Promise<void> {
  try {
    tally.results.push(await advance(deps, taskId, { ...call, dryRun }));
  } catch (error) {
    if (call.signal?.aborted === true && error instanceof DeadlineError) return;
    const message = error instanceof Error ? error.message : String(error);
    tally.problems.push({ taskId, message });
    deps.log('ERROR', `Task ${taskId} could not be advanced: ${message}`, { taskId });
  }
}

function summarise({ results, problems }: Tally, all: number, dryRun: boolean): SweepResult {
  function count(act: string): number {
    return results.flatMap(({ done }) => done).filter((each) => each.act === act).length;
  }
  return {
    tasks: results.length + problems.length,
    started: count('start') + count('adopt'),
    settled: count('settle'),
    failed: count('fail'),
    complete: results.length + problems.length === all,
    problems,
    ...(dryRun && { decisions: results.map(({ taskId, decision: { kind, reason } }) => ({ taskId, kind, reason })) }),
  };
}
