import type { FloatElements } from './floats.ts';

/**
 * Moves `mean` by `share` (0 to 1) towards `next`, element by element, in place. Returns -1, or the index of the first
 * NaN or infinity in `next`, where it stops: one such value would make the mean useless.
 */
export function mixInto(mean: Float64Array, next: FloatElements, share: number): number {
  return next.kind === 'numbers'
    ? mixNumbers(mean, next.values, share)
    : mixPatterns(mean, next.values, next.table, share);
}

// Two loops, so that each stays monomorphic. `?? 0` is free once compiled, because typed arrays have no holes.
function mixNumbers(mean: Float64Array, next: Float16Array | Float32Array | Float64Array, share: number): number {
  for (let at = 0; at < mean.length; at += 1) {
    const value = next[at] ?? 0;
    if (value - value !== 0) return at;
    const current = mean[at] ?? 0;
    mean[at] = current + (value - current) * share;
  }
  return -1;
}

function mixPatterns(mean: Float64Array, next: Uint16Array, table: Float64Array, share: number): number {
  for (let at = 0; at < mean.length; at += 1) {
    const value = table[next[at] ?? 0] ?? 0;
    if (value - value !== 0) return at;
    const current = mean[at] ?? 0;
    mean[at] = current + (value - current) * share;
  }
  return -1;
}

/**
 * The share of an update of weight `weight` after updates of weight `seen` in all: `(current*seen + next*w) / (seen + w)`
 * equals `current + (next - current) * w/(seen + w)`, which keeps equal values exactly equal. 0 while no update has weight.
 */
export function shareOf(seen: number, weight: number): number {
  return weight === 0 ? 0 : weight / (seen + weight);
}

/** Returns the index of the first NaN or infinity, or -1. */
export function findNonFinite(values: Float64Array): number {
  return values.findIndex((value) => !isFiniteNumber(value));
}

function isFiniteNumber(value: number): boolean {
  return value - value === 0;
}
