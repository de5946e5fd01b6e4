import { isFields } from '../json.ts';
import { setOf } from './set.ts';
import type { FieldSet } from './set.ts';
import { childShape, isNamedField, partsOf, shapeOfStruct } from './shape.ts';
import type { Shape } from './shape.ts';

type Path = readonly string[];

/** The paths in an applied configuration: its leaves, the keys of its maps, the items of its lists. */
export function fieldSetOf(struct: string, value: unknown): FieldSet {
  const paths: Path[] = [];
  collect(shapeOfStruct(struct), value, [], paths);
  return setOf(paths);
}

function collect(shape: Shape, value: unknown, path: Path, paths: Path[]): void {
  const parts = partsOf(shape, value);
  if (parts === undefined) {
    paths.push(path);
    return;
  }
  for (const [element, values] of parts) {
    const below = [...path, element];
    const [first] = values;
    if (values.length === 1) collect(childShape(shape, element), first, below, paths);
    const isEmpty = first === null || (isFields(first) && Object.keys(first).length === 0);
    if (isEmpty || !isNamedField(shape, element)) paths.push(below);
  }
}

/**
 * The set with the struct fields that its paths lead through: `a.b.c` then holds `a` too. Needed where sets decide what
 * is removed, because a struct is removed with its last field.
 */
export function withNamedFields(struct: string, set: FieldSet): FieldSet {
  return addNamed(shapeOfStruct(struct), set);
}

function addNamed(shape: Shape, set: FieldSet): FieldSet {
  return {
    members: new Set([...set.members, ...[...set.children.keys()].filter((element) => isNamedField(shape, element))]),
    children: new Map(
      [...set.children].map(([element, child]) => [element, addNamed(childShape(shape, element), child)]),
    ),
  };
}
