import { closest as closestOf, distance } from 'fastest-levenshtein';

/**
 * The known name that `name` was most likely meant to be, or `undefined` when none is near: at most a third of the
 * letters (and two at least) may differ, case aside.
 */
export function closest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const lower = name.toLowerCase();
  const byLower = new Map(known.map((candidate) => [candidate.toLowerCase(), candidate]));
  const near = closestOf(lower, [...byLower.keys()]);
  const allowed = Math.max(2, Math.floor(Math.max(lower.length, near.length) / 3));
  const edits = distance(lower, near);
  return edits <= allowed && edits < Math.min(lower.length, near.length) ? byLower.get(near) : undefined;
}
