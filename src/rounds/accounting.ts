import { compareGenerations } from '../storage/port.ts';
import type { Ledger, SettledId, UpdateCounts } from './ledger.ts';
import { contentOf, settledBy } from './ledger.ts';
import type { ListedUpdate } from './listing.ts';
import type { Manifest } from './manifest.ts';

/** A listing by state. An update at or before the watermark is in none of them: the ledger's totals include it. */
export interface SortedUpdates {
  readonly pending: readonly ListedUpdate[];
  /** Settled ids whose object in the bucket is newer than the settled generation and has other content. */
  readonly duplicates: readonly ListedUpdate[];
  readonly invalid: readonly ListedUpdate[];
}

/** What {@link raiseWatermark} depends on besides the ledger. */
export interface SealedListing {
  /** Taken before the ledger was read, so that later uploads are after the watermark. */
  readonly now: Date;
  readonly settledWindowSec: number;
  readonly listing: readonly ListedUpdate[];
  /** The updates that the seal leaves pending. */
  readonly left: readonly ListedUpdate[];
}

/**
 * Sorts a listing by the ledger and by the manifest of the next round, if there is one. They must have been read in the
 * order ledger, manifest, listing: a round that is sealed in between then shows as pending, and no update is missed or
 * counted twice.
 */
export function sortListing(
  ledger: Ledger,
  unadopted: Manifest | null,
  listing: readonly ListedUpdate[],
): SortedUpdates {
  const sealed = unadopted === null ? new Map<string, SettledId>() : settledBy(unadopted);
  const pending: ListedUpdate[] = [];
  const duplicates: ListedUpdate[] = [];
  const invalid: ListedUpdate[] = [];
  for (const update of listing) {
    const settled = sealed.get(update.jobId) ?? ledger.settled.get(update.jobId);
    if (settled !== undefined) {
      if (isDuplicate(update, settled)) duplicates.push(update);
    } else if (update.timeCreatedMs > ledger.watermarkMs) (update.problem === null ? pending : invalid).push(update);
  }
  return { pending, duplicates, invalid };
}

/**
 * Whether the listed object is a newer upload than the settled one. A different generation is not enough: the listing may
 * be older. Nor is a newer one: an object that was rewritten with equal content is the same update.
 */
function isDuplicate(listed: ListedUpdate, settled: SettledId): boolean {
  if (listed.generation === settled.generation) return false;
  const isRewritten = settled.content !== undefined && contentOf(listed) === settled.content;
  return !isRewritten && compareGenerations(listed.generation, settled.generation) > 0;
}

/** The task's update counts. `sorted` is the result of {@link sortListing} for the same ledger and manifest. */
export function countUpdates(ledger: Ledger, unadopted: Manifest | null, sorted: SortedUpdates): UpdateCounts {
  const { totals, open } = ledger;
  const sealed = unadopted?.updates.length ?? 0;
  const redriven = unadopted?.redriveOf === undefined ? 0 : sealed;
  // A manifest that redrives the round that the ledger shows as open: that round has failed since the ledger was read.
  const failedSince = open !== null && unadopted?.redriveOf === open.round ? open.updates : 0;
  const counts = {
    aggregated: totals.aggregated,
    running: (open?.updates ?? 0) - failedSince + sealed,
    pending: sorted.pending.length,
    failed: totals.failed + failedSince - redriven,
    duplicate: totals.duplicate + sorted.duplicates.length,
    dropped: totals.dropped + (unadopted?.dropped.length ?? 0),
    invalid: totals.invalid + sorted.invalid.length,
  };
  return { uploaded: Object.values(counts).reduce((sum, count) => sum + count, 0), ...counts };
}

/**
 * The ledger with its watermark raised and without the ids that are at or before it. The same write adds their duplicates,
 * and the invalid objects that the watermark passes, to the totals. docs/rounds.md explains the watermark.
 */
export function raiseWatermark(ledger: Ledger, sealed: SealedListing): Ledger {
  const watermarkMs = raised(ledger, sealed);
  const listed = new Map(sealed.listing.map((update) => [update.jobId, update]));
  const settled = new Map(ledger.settled);
  let { duplicate, invalid } = ledger.totals;
  for (const [jobId, id] of ledger.settled) {
    const update = listed.get(jobId);
    if (Math.max(id.timeCreatedMs, update?.timeCreatedMs ?? 0) > watermarkMs) continue;
    settled.delete(jobId);
    if (update !== undefined && isDuplicate(update, id)) duplicate += 1;
  }
  for (const update of sealed.listing) {
    const passed = update.timeCreatedMs > ledger.watermarkMs && update.timeCreatedMs <= watermarkMs;
    if (passed && update.problem !== null && !ledger.settled.has(update.jobId)) invalid += 1;
  }
  return { ...ledger, watermarkMs, settled, totals: { ...ledger.totals, duplicate, invalid } };
}

function raised(ledger: Ledger, { now, settledWindowSec, listing, left }: SealedListing): number {
  // The newest listed object shows the bucket's clock. Without it, an instance whose clock is days ahead would put coming
  // uploads behind the watermark, and they would be lost.
  const newestListedMs = listing.reduce((most, { timeCreatedMs }) => Math.max(most, timeCreatedMs), 0);
  const horizonMs = Math.min(now.getTime(), newestListedMs);
  const oldestLeftMs = left.reduce((least, { timeCreatedMs }) => Math.min(least, timeCreatedMs), Infinity);
  // It never decreases: a longer window or a slow clock would make a forgotten update pending again.
  return Math.max(ledger.watermarkMs, Math.min(horizonMs - settledWindowSec * 1000, oldestLeftMs - 1));
}
