import { isNewer } from './accounting.ts';
import type { Ledger } from './ledger.ts';
import type { ListedUpdate } from './listing.ts';

/** What {@link raiseWatermark} goes by. */
export interface SealingView {
  /** Taken before the ledger was read: what is uploaded after the listing is then ahead of the watermark. */
  readonly now: Date;
  readonly settledWindowSec: number;
  readonly listing: readonly ListedUpdate[];
  /** What the seal leaves pending. */
  readonly left: readonly ListedUpdate[];
}

/**
 * The ledger with its watermark raised, and without the ids that lie wholly behind it: what they and the invalid objects
 * there counted as goes to the totals in the same write. Source: rounds.md, section 5.
 */
export function raiseWatermark(ledger: Ledger, view: SealingView): Ledger {
  const watermarkMs = raised(ledger, view);
  const listed = new Map(view.listing.map((update) => [update.jobId, update]));
  const settled = new Map(ledger.settled);
  let { duplicate, invalid } = ledger.totals;
  for (const [jobId, id] of ledger.settled) {
    const update = listed.get(jobId);
    if (Math.max(id.timeCreatedMs, update?.timeCreatedMs ?? 0) > watermarkMs) continue;
    settled.delete(jobId);
    if (update !== undefined && isNewer(update, id)) duplicate += 1;
  }
  for (const update of view.listing) {
    const passed = update.timeCreatedMs > ledger.watermarkMs && update.timeCreatedMs <= watermarkMs;
    if (passed && !update.valid && !ledger.settled.has(update.jobId)) invalid += 1;
  }
  return { ...ledger, watermarkMs, settled, totals: { ...ledger.totals, duplicate, invalid } };
}

function raised(ledger: Ledger, { now, settledWindowSec, listing, left }: SealingView): number {
  // The bucket's own clock, as far as it is known: what is uploaded from now on is newer. An instance whose clock is
  // days ahead would else put coming uploads behind the watermark, and they were lost.
  const newestListedMs = listing.reduce((most, { timeCreatedMs }) => Math.max(most, timeCreatedMs), 0);
  const horizonMs = Math.min(now.getTime(), newestListedMs);
  const oldestLeftMs = left.reduce((least, { timeCreatedMs }) => Math.min(least, timeCreatedMs), Infinity);
  // Never lower: a raised window or a slow clock would make a forgotten update pending again.
  return Math.max(ledger.watermarkMs, Math.min(horizonMs - settledWindowSec * 1000, oldestLeftMs - 1));
}
