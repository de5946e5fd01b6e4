import * as z from 'zod';
import { DeadlineError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { advance } from './advance.ts';
import { listTaskFolders } from './listing.ts';
import { sweepUri } from './paths.ts';
import { policiesOf } from './policy.ts';
import { parseState } from './state-json.ts';
import type { AdvanceResult, RoundsContext } from './task-context.ts';
import { ChangedPatternError } from './task-context.ts';

export interface SweepOptions {
  /** The number of tasks that are advanced at the same time. */
  readonly concurrency?: number;
  /** The number of tasks per write of the cursor. */
  readonly batchSize?: number;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Returns the next action of every task; writes nothing. */
  readonly dryRun?: boolean;
}

export interface SweepResult {
  /** The number of tasks that were visited. */
  readonly tasks: number;
  /** Numbers of rounds, over all tasks. */
  readonly started: number;
  readonly settled: number;
  readonly failed: number;
  /** False when the deadline passed first. The next sweep continues from there. */
  readonly complete: boolean;
  /** Tasks that could not be advanced, and why. */
  readonly problems: readonly { readonly taskId: string; readonly message: string }[];
  /** Present in a dry run: the next action of each task. */
  readonly decisions?: readonly { readonly taskId: string; readonly kind: string; readonly reason: string }[];
}

const VERSION = 1;

const CursorSchema = z.object({
  schema: z.literal(VERSION),
  /** The last task of the last batch that was started. The next sweep starts after it. */
  after: z.string(),
  /** The batch in progress. If a later sweep finds it, one of these tasks may have killed the instance. */
  begun: z.array(z.string()),
  /** Messages about changed upload patterns that were logged. */
  reported: z.array(z.string()).default([]),
  at: z.iso.datetime(),
});

export interface SweepCursor {
  readonly reported?: readonly string[];
  readonly after: string;
  readonly begun: readonly string[];
}

const CONCURRENCY = 16;
// Cloud Storage accepts about one write per second and object, so a batch must take about that long.
const BATCH_SIZE = 64;

interface Tally {
  /** Tasks whose upload pattern was changed, by the message. */
  readonly changed: Map<string, string[]>;
  readonly results: AdvanceResult[];
  readonly problems: { taskId: string; message: string }[];
}

/** The batches of a sweep: the tasks of an interrupted batch one by one, then the others, starting after the cursor. */
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
 * Advances every task that has a ledger or uploads, until its own deadline. A task that fails, or whose state cannot be
 * read, is reported in `problems` and does not stop the others.
 */
export async function sweep(rounds: RoundsContext, options: SweepOptions = {}): Promise<SweepResult> {
  const controller = new AbortController();
  function abort(): void {
    return controller.abort();
  }
  const timer = options.deadlineMs === undefined ? undefined : setTimeout(abort, options.deadlineMs);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted === true) abort();
  try {
    return await visitAll(rounds, options, { signal: controller.signal });
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
  }
}

async function visitAll(
  rounds: RoundsContext,
  { concurrency = CONCURRENCY, batchSize = BATCH_SIZE, dryRun = false }: SweepOptions,
  call: CallOptions,
): Promise<SweepResult> {
  const tally: Tally = { results: [], problems: [], changed: new Map() };
  const { taskIds } = await listTaskFolders(rounds, policiesOf(rounds.values), call);
  const cursor = await readCursor(rounds, call);
  const waiting = new Set(cursor.begun.filter((taskId) => taskIds.includes(taskId)));
  const { reported = [] } = cursor;
  let { after } = cursor;
  for (const batch of planBatches(taskIds, cursor, batchSize)) {
    if (call.signal?.aborted === true) break;
    // Before the batch: otherwise every sweep would start with a task that kills its instance, and starve the others.
    const alone = batch.length === 1 && waiting.delete(batch[0] ?? '');
    const end = alone ? after : (batch.at(-1) ?? after);
    if (!dryRun) await writeCursor(rounds, { after: end, begun: alone ? [...waiting] : batch, reported }, call);
    let begun = 0;
    await visitBatch(batch, concurrency, async (taskId) => {
      if (call.signal?.aborted === true) return;
      begun += 1;
      await visit(rounds, taskId, tally, dryRun, call);
    });
    // Tasks start in order. When the deadline passes within a batch, the next sweep continues with the first task that was
    // not started. If it continued with the next batch, no sweep would reach these tasks.
    if (!alone) after = begun === batch.length ? end : (batch[begun - 1] ?? after);
  }
  reportChanged(rounds, tally, reported);
  if (!dryRun) await writeCursor(rounds, { after, begun: [], reported: [...tally.changed.keys()] }, {});
  return summarise(tally, taskIds.length, dryRun);
}

/** One problem per changed pattern, logged by the first sweep that finds it, however many tasks it has. */
function reportChanged({ log }: RoundsContext, { changed, problems }: Tally, reported: readonly string[]): void {
  for (const [message, taskIds] of changed) {
    const some = taskIds.slice(0, 5).join(', ');
    const text = `${taskIds.length} tasks stopped (${some}${taskIds.length > 5 ? ', …' : ''}): ${message}`;
    problems.push({ taskId: taskIds[0] ?? '', message: text });
    if (!reported.includes(message)) log('ERROR', `The upload pattern of a rule was changed. ${text}`, { taskIds });
  }
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
  rounds: RoundsContext,
  taskId: string,
  tally: Tally,
  dryRun: boolean,
  call: CallOptions,
): Promise<void> {
  try {
    tally.results.push(await advance(rounds, taskId, { ...call, dryRun }));
  } catch (error) {
    if (call.signal?.aborted === true && error instanceof DeadlineError) return;
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof ChangedPatternError) {
      tally.changed.set(message, [...(tally.changed.get(message) ?? []), taskId]);
      return;
    }
    tally.problems.push({ taskId, message });
    rounds.log('ERROR', `Task ${taskId} could not be advanced: ${message}`, { taskId });
  }
}

function summarise({ results, problems, changed }: Tally, all: number, dryRun: boolean): SweepResult {
  const stopped = [...changed.values()].flat().length;
  const visited = results.length + problems.length - changed.size + stopped;
  function count(act: string): number {
    return results.flatMap(({ done }) => done).filter((each) => each.act === act).length;
  }
  return {
    tasks: visited,
    started: count('start') + count('redrive') + count('adopt'),
    settled: count('settle'),
    failed: count('fail'),
    complete: visited === all,
    problems,
    ...(dryRun && { decisions: results.map(({ taskId, decision: { kind, reason } }) => ({ taskId, kind, reason })) }),
  };
}

/** Where the last sweep stopped. Without a readable cursor, a sweep starts from the first task. */
async function readCursor(rounds: RoundsContext, call: CallOptions): Promise<SweepCursor> {
  const uri = sweepUri(rounds.stateUri);
  const found = await rounds.store.read(uri, call);
  if (found === null || found === 'unchanged') return { after: '', begun: [] };
  try {
    return parseState(uri, found.text, VERSION, CursorSchema);
  } catch (error) {
    rounds.log('WARNING', `The sweep cursor cannot be read; the sweep starts from the first task: ${String(error)}`);
    return { after: '', begun: [] };
  }
}

/**
 * Overwrites the cursor. Concurrent sweeps may overwrite each other's cursor: a task is then visited twice, or one sweep
 * later. A failed write (Cloud Storage refuses more than one per second) must not end the sweep.
 */
async function writeCursor(rounds: RoundsContext, cursor: SweepCursor, call: CallOptions): Promise<void> {
  const uri = sweepUri(rounds.stateUri);
  const text = JSON.stringify({ schema: VERSION, ...cursor, at: rounds.now().toISOString() });
  try {
    const found = await rounds.store.read(uri, call);
    const ifGenerationMatch = found === null || found === 'unchanged' ? '0' : found.info.generation;
    await rounds.store.write(uri, text, { ...call, ifGenerationMatch, contentType: 'application/json' });
  } catch (error) {
    if (call.signal?.aborted !== true) rounds.log('WARNING', `The sweep cursor could not be written: ${String(error)}`);
  }
}
