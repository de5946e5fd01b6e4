import { compareGenerations } from '../storage/port.ts';
import type { Ledger, SettledId } from './ledger.ts';
import { settledBy } from './ledger.ts';
import type { ListedUpdate } from './listing.ts';
import type { Manifest } from './manifest.ts';

/** `uploaded` is the sum of the others, at every moment. */
export interface Accounting {
  readonly uploaded: number;
  readonly aggregated: number;
  readonly running: number;
  readonly pending: number;
  readonly failed: number;
  readonly duplicate: number;
  readonly dropped: number;
  readonly invalid: number;
}

/** Each listed update as one of four: behind the watermark ones are in the ledger's totals, and in none of these. */
export interface Sorted {
  readonly pending: readonly ListedUpdate[];
  /** Settled ids whose object in the bucket is newer than the settled generation. */
  readonly duplicates: readonly ListedUpdate[];
  readonly invalid: readonly ListedUpdate[];
}

/** Whether the bucket's generation is newer than the settled one: not merely another, a listing may be the older view. */
export function isNewer(listed: ListedUpdate, settled: SettledId): boolean {
  return listed.generation !== settled.generation && compareGenerations(listed.generation, settled.generation) > 0;
}

/**
 * Sorts a listing by the ledger and, when it was found, the manifest of the ledger's next round. All three must have been
 * read in this order: what is sealed later is then seen as pending, and nothing is missed or counted twice.
 */
export function sortListing(ledger: Ledger, unadopted: Manifest | null, listing: readonly ListedUpdate[]): Sorted {
  const sealed = unadopted === null ? new Map<string, SettledId>() : settledBy(unadopted);
  const pending: ListedUpdate[] = [];
  const duplicates: ListedUpdate[] = [];
  const invalid: ListedUpdate[] = [];
  for (const update of listing) {
    const settled = sealed.get(update.jobId) ?? ledger.settled.get(update.jobId);
    if (settled !== undefined) {
      if (isNewer(update, settled)) duplicates.push(update);
    } else if (update.timeCreatedMs > ledger.watermarkMs) (update.valid ? pending : invalid).push(update);
  }
  return { pending, duplicates, invalid };
}

/** The task's books, from what {@link sortListing} was given and gave. */
export function account(ledger: Ledger, unadopted: Manifest | null, sorted: Sorted): Accounting {
  const { totals, open } = ledger;
  const sealed = unadopted?.updates.length ?? 0;
  const redriven = unadopted?.redriveOf === undefined ? 0 : sealed;
  // A redrive of the round that the ledger still shows as open: that one has failed since the ledger was read.
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
