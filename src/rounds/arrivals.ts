import type { ListedUpdate } from './listing.ts';

const HOUR_MS = 3_600_000;
const BUCKET_SEC = 1800;
const BUCKETS = 48;

/** How fast updates come in: what the bucket still holds of them. */
export interface Arrivals {
  readonly lastHour: number;
  /** When the report goal is reached at the rate of the last hour; absent when it is reached, or nothing came. */
  readonly goalExpectedAt?: string;
  /** Uploads per `bucketSec` from `from` until now, oldest first. */
  readonly from: string;
  readonly bucketSec: number;
  readonly counts: readonly number[];
}

/** The arrivals of the last day. `missing`: how many updates the report goal still lacks. */
export function buildArrivals(listing: readonly ListedUpdate[], missing: number, now: Date): Arrivals {
  const bucketMs = BUCKET_SEC * 1000;
  const fromMs = now.getTime() - BUCKETS * bucketMs;
  const counts = Array.from({ length: BUCKETS }, () => 0);
  let lastHour = 0;
  for (const { timeCreatedMs } of listing) {
    if (timeCreatedMs > now.getTime() - HOUR_MS) lastHour += 1;
    // The bucket's clock may be ahead of ours.
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
