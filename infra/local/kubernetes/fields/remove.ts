import { isFields, isList } from '../json.ts';
import type { Fields } from '../json.ts';
import { emptySet } from './set.ts';
import type { FieldSet } from './set.ts';
import { childShape, elementOf, shapeOfStruct } from './shape.ts';
import type { Shape } from './shape.ts';

/** The object without what the set names (structured-merge-diff, typed/remove.go). */
export function removeFields(struct: string, object: Fields, set: FieldSet): Fields {
  const kept = remove(shapeOfStruct(struct), object, set);
  return isFields(kept) ? kept : {};
}

/** `null` where nothing is left of an object or list: it is there no more, but its owner did not remove it by name. */
function remove(shape: Shape, value: unknown, set: FieldSet): unknown {
  if (set.members.size === 0 && set.children.size === 0) return value;
  if (shape.kind === 'struct' || shape.kind === 'map')
    return isFields(value) ? removeFromFields(shape, value, set) : value;
  if (shape.kind === 'keyed' || shape.kind === 'set') return isList(value) ? removeFromList(shape, value, set) : value;
  return value;
}

function removeFromFields(shape: Shape, value: Fields, set: FieldSet): unknown {
  const kept = Object.entries(value).flatMap(([key, entry]): [string, unknown][] => {
    const element = `f:${key}`;
    if (set.members.has(element)) return [];
    return [[key, remove(childShape(shape, element), entry, set.children.get(element) ?? emptySet)]];
  });
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function removeFromList(shape: Shape, value: readonly unknown[], set: FieldSet): unknown {
  const kept = value.flatMap((item) => {
    const element = elementOf(shape, item);
    if (set.members.has(element)) return [];
    return [remove(childShape(shape, element), item, set.children.get(element) ?? emptySet)];
  });
  return kept.length === 0 ? null : kept;
}
