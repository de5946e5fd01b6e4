import { loadShards } from './checkpoint.ts';
import { dataType } from './dtypes.ts';
import type { ListedUpdate } from './checkpoint-list.ts';
import { readCheckpointList } from './checkpoint-list.ts';
import { Fault, quote, within, withinAsync } from './fault.ts';
import { writeOutput } from './output.ts';
import type { FindStore } from './paths.ts';
import { prefetch } from './prefetch.ts';
import type { LoadedUpdate, RunningAverage } from './running-average.ts';
import { checkAveragable, checkSameVariables, createRunningAverage } from './running-average.ts';
import type { Settings } from './settings.ts';
import type { BundleIndex } from './tensor-bundle-reader.ts';
import { parseBundleIndex } from './tensor-bundle-reader.ts';
import { openUpdate } from './update-sources.ts';

/** Limits on the updates that are loaded at the same time. One is always loaded, however large. */
const MAX_IN_FLIGHT = 4;
const MAX_BYTES_IN_FLIGHT = 256 * 2 ** 20;
/** Up to this number of updates, each one is logged; with more, every twentieth part. */
const FEW_UPDATES = 20;

interface Run {
  readonly settings: Settings;
  readonly findStore: FindStore;
  readonly log: (line: string) => void;
}

/** A loaded update, with its line in the list. */
interface Turn {
  readonly listed: ListedUpdate;
  readonly update: LoadedUpdate;
  readonly release: () => void;
}

export interface Outcome {
  readonly updates: number;
  readonly weight: number;
  readonly indexPath: string;
}

/** Averages the updates of the list and writes the result. Throws Fault with one sentence that names the problem. */
export async function aggregate(run: Run): Promise<Outcome> {
  const { listPath, outputPath, weighted, later } = run.settings;
  const total = await withinAsync(`list ${quote(listPath)}`, () => countUpdates(run));
  run.log(
    `Averaging ${total} ${total === 1 ? 'update' : 'updates'} of ${listPath} by ${weighted ? 'wcma, weighted by samples' : 'cma, all of weight 1'}`,
  );
  const inOutput = `output ${quote(outputPath)}`;
  await withinAsync(inOutput, async () => (await run.findStore(outputPath)).prepare(outputPath));
  const average = await averageAll(run, total);
  const variables = average.finish();
  const weight = average.weight();
  const output = { directory: outputPath, variables, steps: later ? null : weight };
  const indexPath = await withinAsync(inOutput, () => writeOutput(output, run.findStore));
  return { updates: total, weight, indexPath };
}

/** Reads the list once to count and check it. The list is never held in memory, because it may be larger. */
async function countUpdates(run: Run): Promise<number> {
  let count = 0;
  for await (const _ of listUpdates(run)) count += 1;
  if (count === 0) throw new Fault('it names no update');
  return count;
}

async function* listUpdates({ settings, findStore }: Run): AsyncGenerator<ListedUpdate> {
  const store = await findStore(settings.listPath);
  yield* readCheckpointList(store.stream(settings.listPath), settings.listPath);
}

async function averageAll(run: Run, total: number): Promise<RunningAverage> {
  let average: RunningAverage | undefined;
  let done = 0;
  for await (const { listed, update, release } of loadTurns(run)) {
    if (average === undefined) run.log(describeCanonical(run, update));
    const running = (average ??= createRunningAverage(update.index));
    within(nameOf(listed), () => running.add(update));
    release();
    done += 1;
    logProgress(run, done, total);
  }
  if (average === undefined || done !== total)
    throw new Fault(`the list changed: it named ${total} updates, then ${done}`);
  return average;
}

/** Loads the updates in the order of the list. The first is loaded alone: the others must have its variables, and its size decides how many fit. */
async function* loadTurns(run: Run): AsyncGenerator<Turn> {
  const listed = listUpdates(run);
  const first = await listed.next();
  if (first.done === true) return;
  const turn = await loadTurn(run, first.value, null);
  const fitting = Math.floor(MAX_BYTES_IN_FLIGHT / Math.max(1, bytesOf(turn.update)));
  const { index } = turn.update;
  yield turn;
  yield* prefetch(listed, (next) => loadTurn(run, next, index), Math.min(MAX_IN_FLIGHT, Math.max(1, fitting)));
}

async function loadTurn(run: Run, listed: ListedUpdate, canonical: BundleIndex | null): Promise<Turn> {
  return {
    listed,
    ...(await withinAsync(nameOf(listed), () => loadUpdate(run, listed.path, canonical))),
  };
}

function nameOf({ path, line }: ListedUpdate): string {
  return `update ${quote(path)} (line ${line} of the list)`;
}

async function loadUpdate(run: Run, path: string, canonical: BundleIndex | null): Promise<Omit<Turn, 'listed'>> {
  if (withoutEnd(path) === withoutEnd(run.settings.outputPath))
    throw new Fault('it is the output path, which would replace it');
  const files = await openUpdate(path, run.findStore);
  const index = within('its index', () => parseBundleIndex(files.index));
  // Checked before the data is read, so that no update can be much larger than the first.
  if (canonical === null) checkAveragable(index);
  else checkSameVariables(canonical, index);
  const weight = await files.weight();
  if (weight === null && run.settings.weighted)
    throw new Fault('it has no weight (numSamples, model.steps), which wcma needs');
  const shards = await loadShards(index, files.shard);
  return { update: { index, shards, weight: run.settings.weighted ? (weight ?? 0) : 1 }, release: files.release };
}

function withoutEnd(path: string): string {
  return path.replace(/\/+$/, '');
}

function bytesOf(update: LoadedUpdate): number {
  return [...update.shards.values()].reduce((sum, { length }) => sum + length, 0);
}

function describeCanonical({ settings }: Run, { index }: LoadedUpdate): string {
  const averaged = [...index.entries.values()].filter(({ dtype }) => dataType(dtype).treatment === 'average').length;
  const source = settings.later
    ? `The canonical checkpoint is that of the first update; it is not downloaded from the repository at ${settings.repository}`
    : 'The first update gives the variables';
  return `${source}: ${averaged} to average, ${index.entries.size - averaged} carried over from it`;
}

function logProgress(run: Run, done: number, total: number): void {
  function twentieth(count: number): number {
    return Math.floor((count * 20) / total);
  }
  if (total <= FEW_UPDATES || twentieth(done) > twentieth(done - 1)) run.log(`${done} of ${total} updates averaged`);
}
