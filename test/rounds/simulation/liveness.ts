import { countUpdates, sortListing } from '../../../src/rounds/accounting.ts';
import { listUpdates } from '../../../src/rounds/listing.ts';
import type { Totals } from '../../../src/rounds/ledger.ts';
import { manifestUri, resultUri } from '../../../src/rounds/paths.ts';
import { buildResult } from '../../../src/rounds/publish.ts';
import { UPLOADS } from './config.ts';
import type { History, Observer } from './invariants.ts';
import type { World } from './world.ts';
import { violate } from './world.ts';

const STATE = { bucket: 'state', name: '' };

/** Whether no reconcile would find anything to do. */
export const isAtRest = (world: World, observer: Observer, taskId: string): boolean => {
  const { ledger, manifests } = observer.historyOf(taskId);
  return (
    ledger.open === null &&
    ledger.redrives.length === 0 &&
    ledger.unpublished.length === 0 &&
    !manifests.has(ledger.next)
  );
};

interface StoredResult {
  readonly outcome: 'aggregated' | 'failed';
}

const resultOf = (world: World, taskId: string, round: number): StoredResult | null => {
  const found = world.store.peek(resultUri(STATE, taskId, round));
  return found === null ? null : JSON.parse(found.text);
};

/** The totals, counted again from manifests and results. */
const recount = (world: World, taskId: string, history: History): Pick<Totals, 'aggregated' | 'failed' | 'dropped'> => {
  let [aggregated, failed, dropped] = [0, 0, 0];
  for (const [round, manifest] of history.manifests) {
    const updates = manifest.updates.length;
    if (resultOf(world, taskId, round)?.outcome === 'aggregated') aggregated += updates;
    else failed += updates;
    if (manifest.redriveOf !== undefined) failed -= updates;
    dropped += manifest.dropped.length;
  }
  return { aggregated, failed, dropped };
};

const checkResults = (world: World, taskId: string, { ledger, manifests, latestRound }: History): void => {
  let newest = 0;
  for (const round of manifests.keys()) {
    const result = resultOf(world, taskId, round);
    if (result === null) violate(world, `round ${round} has no result`);
    if (result?.outcome === 'aggregated') newest = Math.max(newest, round);
    const record = ledger.rounds.get(round);
    const same = record === undefined || JSON.stringify(result) === JSON.stringify(buildResult(taskId, round, record));
    if (!same) violate(world, `the result of round ${round} is not the ledger's: ${JSON.stringify(result)}`);
  }
  if (latestRound !== newest) violate(world, `latest.json names round ${latestRound}, the newest is ${newest}`);
};

/** When the faults have stopped and all is at rest: nothing is lost, and the counts equal those of the manifests. */
export const checkRest = async (world: World, observer: Observer, taskId: string): Promise<void> => {
  const history = observer.historyOf(taskId);
  const { ledger } = history;
  if (!isAtRest(world, observer, taskId)) {
    const { open, unpublished, redrives, next } = ledger;
    violate(world, `${taskId} does not come to rest: ${JSON.stringify({ open, unpublished, redrives, next })}`);
    return;
  }
  if (world.store.peek(manifestUri(STATE, taskId, ledger.next)) !== null)
    violate(world, 'a sealed round is not adopted');
  for (const round of history.wanted)
    if (!history.redriven.has(round)) violate(world, `round ${round} was to be redriven, and was not`);
  checkResults(world, taskId, history);
  const counted = recount(world, taskId, history);
  const { aggregated, failed, dropped } = ledger.totals;
  if (JSON.stringify(counted) !== JSON.stringify({ aggregated, failed, dropped })) {
    violate(world, `totals are ${JSON.stringify(ledger.totals)}, the manifests say ${JSON.stringify(counted)}`);
  }
  const sorted = sortListing(
    ledger,
    null,
    await listUpdates(world.store, { uploads: UPLOADS, taskIdPrefix: '' }, taskId),
  );
  const pending = new Set(sorted.pending.map(({ jobId }) => jobId));
  for (const [jobId, uploads] of world.truth.uploads(taskId)) {
    const lost = uploads.at(-1)?.size !== 0 && !history.sealedMs.has(jobId) && !pending.has(jobId);
    if (lost) violate(world, `${jobId} of ${taskId} is neither sealed nor pending: it is lost`);
  }
  const { uploaded } = countUpdates(ledger, null, sorted);
  if (uploaded !== world.truth.count(taskId))
    violate(world, `4: the counts say ${uploaded}, the truth is ${world.truth.count(taskId)}`);
};
