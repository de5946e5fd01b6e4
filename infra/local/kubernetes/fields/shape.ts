import { isFields, isList } from '../json.ts';
import type { Fields } from '../json.ts';
import { structOf } from '../schema/schema.ts';
import type { Field, Type } from '../schema/schema.ts';

/** How server-side apply sees a type: who owns what below it. */
export type Shape =
  /** Owned as a whole: scalars, atomic structs, maps and lists. */
  | { readonly kind: 'leaf' }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'map'; readonly element: Shape }
  | { readonly kind: 'keyed'; readonly element: Shape; readonly keys: readonly Key[] }
  | { readonly kind: 'set' };

export interface Key {
  readonly name: string;
  /** What it is where an item does not say: the default of its field, or zero when the field is always written. */
  readonly initial: string | number | undefined;
}

const leaf: Shape = { kind: 'leaf' };

export type Parts = ReadonlyMap<string, readonly unknown[]>;

export function shapeOfStruct(name: string): Shape {
  return structOf(name).atomic ? leaf : { kind: 'struct', name };
}

/** The keys of the items of a list. */
export function keysOf(field: Field): readonly Key[] {
  const shape = shapeOfField(field);
  return shape.kind === 'keyed' ? shape.keys : [];
}

function shapeOfField(field: Field): Shape {
  if (field.atomic) return leaf;
  if (field.type.kind !== 'list') return shapeOfType(field.type);
  if (field.isSet) return { kind: 'set' };
  if (field.mapKeys.length === 0) return leaf;
  const { element } = field.type;
  const fields = element.kind === 'struct' ? structOf(element.name).fields : new Map<string, Field>();
  const keys = field.mapKeys.map((name) => keyOf(fields.get(name), name));
  return { kind: 'keyed', element: shapeOfType(element), keys };
}

function shapeOfType(type: Type): Shape {
  if (type.kind === 'struct') return shapeOfStruct(type.name);
  return type.kind === 'map' ? { kind: 'map', element: shapeOfType(type.element) } : leaf;
}

function keyOf(field: Field | undefined, name: string): Key {
  if (field === undefined || field.default !== undefined || !field.always) return { name, initial: field?.default };
  return { name, initial: field.type.kind === 'leaf' && field.type.leaf === 'int32' ? 0 : '' };
}

/** The shape below an element of a path, such as `f:spec`. */
export function childShape(shape: Shape, element: string): Shape {
  if (shape.kind === 'keyed') return shape.element;
  if (shape.kind === 'map') return shape.element;
  if (shape.kind !== 'struct') return leaf;
  const field = structOf(shape.name).fields.get(element.slice(2));
  return field === undefined ? leaf : shapeOfField(field);
}

/** Whether the element names a field of a struct: such a field is not listed itself when something below it is. */
export function isNamedField(shape: Shape, element: string): boolean {
  return shape.kind === 'struct' && element.startsWith('f:') && structOf(shape.name).fields.has(element.slice(2));
}

/**
 * What a value is made of, by path element: the fields of an object, the items of a list with keys. An element stands
 * for more than one value only where a list has several items of the same key. `undefined` for what is owned whole.
 */
export function partsOf(shape: Shape, value: unknown): Parts | undefined {
  if (shape.kind === 'leaf') return undefined;
  if (shape.kind === 'struct' || shape.kind === 'map') {
    const entries = Object.entries(isFields(value) ? value : {}).filter(([, entry]) => entry !== undefined);
    return new Map(entries.map(([key, entry]) => [`f:${key}`, [entry]]));
  }
  const parts = new Map<string, unknown[]>();
  for (const item of isList(value) ? value : []) {
    const element = elementOf(shape, item);
    parts.set(element, [...(parts.get(element) ?? []), item]);
  }
  return parts;
}

/** The path element of an item of a list. */
export function elementOf(shape: Shape, item: unknown): string {
  if (shape.kind !== 'keyed') return `v:${JSON.stringify(item)}`;
  const fields: Fields = isFields(item) ? item : {};
  const entries = shape.keys.flatMap(({ name, initial }) => {
    const value = fields[name] ?? initial;
    return value === undefined ? [] : [[name, value] as const];
  });
  return `k:${JSON.stringify(Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))))}`;
}
