import { isDeepStrictEqual } from 'node:util';
import { setOf } from './set.ts';
import type { FieldSet } from './set.ts';
import { childShape, partsOf, shapeOfStruct } from './shape.ts';
import type { Parts, Shape } from './shape.ts';

type Path = readonly string[];

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

interface Paths {
  readonly added: Path[];
  readonly modified: Path[];
  readonly removed: Path[];
}

/** The differences between two states of an object, as paths that can be owned (structured-merge-diff, typed/compare.go). */
export function compareObjects(struct: string, before: unknown, after: unknown): Comparison {
  const paths: Paths = { added: [], modified: [], removed: [] };
  compare(shapeOfStruct(struct), before, after, [], paths);
  return { added: setOf(paths.added), modified: setOf(paths.modified), removed: setOf(paths.removed) };
}

function compare(shape: Shape, before: unknown, after: unknown, path: Path, paths: Paths): void {
  // Updates share unchanged parts with the earlier object.
  if (before === after) return;
  const was = partsOf(shape, before);
  const is = partsOf(shape, after);
  // An empty object or list is a leaf too, which keeps "empty" and "absent" apart.
  if (was === undefined || is === undefined || (was.size === 0 && is.size === 0)) {
    if (before === undefined) paths.added.push(path);
    else if (after === undefined) paths.removed.push(path);
    else if (!isDeepStrictEqual(before, after)) paths.modified.push(path);
    return;
  }
  compareParts(shape, was, is, path, paths);
  if (before === undefined) paths.added.push(path);
  else if (after === undefined) paths.removed.push(path);
}

function compareParts(shape: Shape, was: Parts, is: Parts, path: Path, paths: Paths): void {
  for (const element of new Set([...was.keys(), ...is.keys()])) {
    const old = was.get(element) ?? [];
    const now = is.get(element) ?? [];
    const below = [...path, element];
    const child = childShape(shape, element);
    if (old.length <= 1 && now.length <= 1) {
      compare(child, old[0], now[0], below, paths);
    } else if (old.length >= 2 && now.length >= 2) {
      if (!isDeepStrictEqual(old, now)) paths.modified.push(below);
    } else if (old.length >= 2) {
      if (now.length > 0) compare(child, undefined, now[0], below, paths);
      paths.removed.push(below);
    } else {
      if (old.length > 0) compare(child, old[0], undefined, below, paths);
      paths.added.push(below);
    }
  }
}
