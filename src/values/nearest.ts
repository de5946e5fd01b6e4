import { closest as closestOf, distance } from 'fastest-levenshtein';

/**
 * The entry of `known` that is most similar to `name`, ignoring case, or `undefined` when more than a third of the letters differ (but two
 * differences are always allowed).
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
