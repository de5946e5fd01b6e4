import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';

/**
 * A set of paths into an object, as managedFields hold it. A path is a list of elements in the notation of FieldsV1:
 * `f:spec`, `k:{"name":"c"}` (an item of a list with keys), `v:"x"` (an item of a set).
 */
export interface FieldSet {
  /** Elements that are themselves in the set. */
  readonly members: ReadonlySet<string>;
  /** Elements below which something is in the set. */
  readonly children: ReadonlyMap<string, FieldSet>;
}

interface MutableSet {
  readonly members: Set<string>;
  readonly children: Map<string, MutableSet>;
}

export const emptySet: FieldSet = { members: new Set(), children: new Map() };

export function isEmptySet(set: FieldSet): boolean {
  return set.members.size === 0 && set.children.size === 0;
}

/** The set of the given paths; the empty path stands for the object as a whole, which nobody owns. */
export function setOf(paths: Iterable<readonly string[]>): FieldSet {
  const root: MutableSet = { members: new Set(), children: new Map() };
  for (const path of paths) {
    let at = root;
    for (const element of path.slice(0, -1)) {
      const next = at.children.get(element) ?? { members: new Set(), children: new Map() };
      at.children.set(element, next);
      at = next;
    }
    const last = path.at(-1);
    if (last !== undefined) at.members.add(last);
  }
  return root;
}

/** All paths of the set: at each level first those that end there. */
export function pathsOf(set: FieldSet, prefix: readonly string[] = []): readonly (readonly string[])[] {
  return [
    ...[...set.members].toSorted(byText).map((element) => [...prefix, element]),
    ...[...set.children]
      .toSorted(([x], [y]) => byText(x, y))
      .flatMap(([element, child]) => pathsOf(child, [...prefix, element])),
  ];
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: new Set([...a.members, ...b.members]),
    children: new Map(
      [...new Set([...a.children.keys(), ...b.children.keys()])].map((element) => [
        element,
        union(a.children.get(element) ?? emptySet, b.children.get(element) ?? emptySet),
      ]),
    ),
  };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: new Set([...a.members].filter((element) => b.members.has(element))),
    children: childrenOf(
      [...a.children].map(([element, child]) => [element, intersection(child, b.children.get(element) ?? emptySet)]),
    ),
  };
}

function childrenOf(entries: Iterable<readonly [string, FieldSet]>): ReadonlyMap<string, FieldSet> {
  return new Map([...entries].filter(([, child]) => !isEmptySet(child)));
}

/** What is in `a` and not in `b`. A path below one that is in `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: membersWithout(a, b),
    children: childrenOf(
      [...a.children].map(([element, child]) => [element, difference(child, b.children.get(element) ?? emptySet)]),
    ),
  };
}

function membersWithout(a: FieldSet, b: FieldSet): ReadonlySet<string> {
  return new Set([...a.members].filter((element) => !b.members.has(element)));
}

/** Without the paths of `b`, and all that is below them. */
export function without(a: FieldSet, b: FieldSet): FieldSet {
  return {
    members: membersWithout(a, b),
    children: childrenOf(
      [...a.children]
        .filter(([element]) => !b.members.has(element))
        .map(([element, child]) => [element, without(child, b.children.get(element) ?? emptySet)]),
    ),
  };
}

/** FieldsV1: an element that is a member and has children says so by `.`. */
export function toFieldsV1(set: FieldSet): Fields {
  const elements = [...new Set([...set.members, ...set.children.keys()])].toSorted(byText);
  return Object.fromEntries(
    elements.map((element) => {
      const children = set.children.get(element);
      if (children === undefined) return [element, {}];
      return [element, { ...(set.members.has(element) && { '.': {} }), ...toFieldsV1(children) }];
    }),
  );
}

/** Reads FieldsV1; what is not understood in it is left out. */
export function fromFieldsV1(fields: Fields): FieldSet {
  const members = new Set<string>();
  const children = new Map<string, FieldSet>();
  for (const [element, value] of Object.entries(fields)) {
    if (element === '.' || !isFields(value)) continue;
    const inner = fromFieldsV1(value);
    if (Object.hasOwn(value, '.') || Object.keys(value).length === 0) members.add(element);
    if (!isEmptySet(inner)) children.set(element, inner);
  }
  return { members, children };
}

/** A path as people read it: `.spec.template.spec.containers[name="c"].image`. */
export function formatPath(path: readonly string[]): string {
  return path
    .map((element) => {
      const rest = element.slice(2);
      if (element.startsWith('f:')) return `.${rest}`;
      if (element.startsWith('v:')) return `[=${rest}]`;
      const key: unknown = JSON.parse(rest);
      return `[${Object.entries(isFields(key) ? key : {})
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
