import { distance } from 'fastest-levenshtein';

/**
 * The entry of `known` that is most similar to `name`, ignoring case, or `undefined` when more than a third of the letters differ (but two
 * differences are always allowed).
 */
export function closest(name: string, known: readonly string[]): string | undefined {
  const [nearest] = known
    .map((candidate) => ({ candidate, edits: editsBetween(name.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits);
  if (nearest === undefined) return undefined;
  const [shorter = 0, longer = 0] = [name.length, nearest.candidate.length].toSorted((a, b) => a - b);
  const allowed = Math.min(Math.max(2, Math.floor(longer / 3)), shorter - 1);
  return nearest.edits <= allowed ? nearest.candidate : undefined;
}

/** Two letters in the wrong order are one edit: "wmca" is nearer to "wcma" than to "cma". */
function editsBetween(a: string, b: string): number {
  const hasSameLetters = sorted(a) === sorted(b);
  return distance(a, b) - (hasSameLetters && a !== b ? 1 : 0);
}

function sorted(text: string): string {
  return text.split('').toSorted().join('');
}
