import { isDeepStrictEqual } from 'node:util';
import { isFields, listAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { structOf } from '../schema/schema.ts';
import type { Field, Type } from '../schema/schema.ts';
import { badRequest, StatusError } from '../status.ts';

const directive = /^\$(setElementOrder|deleteFromPrimitiveList)\/(.+)$/;

interface Known {
  readonly type: Type;
  readonly mergeKey: string | undefined;
  readonly merges: boolean;
}

interface Merging {
  readonly element: Type;
  readonly mergeKey: string;
}

/**
 * Kubernetes' own patch: objects are merged, lists too where the type names a merge key, and directives
 * (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList/`, `$setElementOrder/`) say the rest.
 * https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
 */
export function strategicMerge(struct: string, target: Fields, patch: Fields): Fields {
  return mergeFields({ kind: 'struct', name: struct }, target, patch);
}

function mergeFields(type: Type, target: Fields, patch: Fields): Fields {
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  if (patch['$patch'] !== undefined && patch['$patch'] !== 'merge')
    throw badRequest(`Unknown patch type found: ${JSON.stringify(patch['$patch'])}`);
  const retained = patch['$retainKeys'];
  const merged = new Map(Object.entries(target).filter(([key]) => !Array.isArray(retained) || retained.includes(key)));
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) merged.delete(key);
    else merged.set(key, mergeValue(fieldOf(type, key), merged.get(key), value));
  }
  for (const [key, value] of Object.entries(patch)) {
    const [, name, field = ''] = directive.exec(key) ?? [];
    const list = merged.get(field);
    if (name === undefined || !Array.isArray(value) || !Array.isArray(list)) continue;
    if (name === 'deleteFromPrimitiveList')
      merged.set(
        field,
        list.filter((each) => !value.includes(each)),
      );
    else merged.set(field, inOrder(list, value, listAt(target, field), fieldOf(type, field)?.mergeKey));
  }
  return Object.fromEntries(merged);
}

function withoutDirectives(patch: Fields): Fields {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')));
}

function mergeValue(known: Known | undefined, target: unknown, patch: unknown): unknown {
  if (known === undefined) return patch;
  if (isFields(patch)) return mergeFields(known.type, isFields(target) ? target : {}, patch);
  if (!Array.isArray(patch) || known.type.kind !== 'list') return patch;
  if (!known.merges) return patch;
  const before = Array.isArray(target) ? target : [];
  if (known.mergeKey === undefined) {
    const added = patch.filter((each) => !before.some((old) => isDeepStrictEqual(old, each)));
    return inOrder([...before, ...added], patch, before, undefined);
  }
  return mergeLists({ element: known.type.element, mergeKey: known.mergeKey }, before, patch);
}

/**
 * Items named in `order` have that order; the others keep their earlier order, before the
 * first item that they preceded (mergeSortedSlice of strategicpatch).
 */
function inOrder(
  list: readonly unknown[],
  order: readonly unknown[],
  before: readonly unknown[],
  mergeKey: string | undefined,
): readonly unknown[] {
  function keyOf(item: unknown): unknown {
    return mergeKey !== undefined && isFields(item) ? item[mergeKey] : item;
  }
  const ranks = new Map(order.map((item, index) => [keyOf(item), index]));
  const places = new Map(before.map((item, index) => [keyOf(item), index]));
  const named = list
    .filter((item) => ranks.has(keyOf(item)))
    .toSorted((a, b) => (ranks.get(keyOf(a)) ?? 0) - (ranks.get(keyOf(b)) ?? 0));
  const others = list.filter((item) => !ranks.has(keyOf(item)));
  const ordered: unknown[] = [];
  for (const item of named) {
    const place = places.get(keyOf(item));
    while (place !== undefined && others.length > 0 && (places.get(keyOf(others[0])) ?? Infinity) < place)
      ordered.push(others.shift());
    ordered.push(item);
  }
  return [...ordered, ...others];
}

function mergeLists(
  { element, mergeKey }: Merging,
  target: readonly unknown[],
  patch: readonly unknown[],
): readonly unknown[] {
  const items = patch.map((item) =>
    isFields(item) ? item : fail(`expected an object in a list merged by ${mergeKey}`),
  );
  const replaces = items.some((item) => item['$patch'] === 'replace');
  let merged: unknown[] = replaces ? [] : [...target];
  for (const item of items) {
    if (item['$patch'] === 'replace' && item[mergeKey] === undefined) continue;
    const key = item[mergeKey];
    if (key === undefined) fail(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    function isSame(old: unknown): boolean {
      return isFields(old) && old[mergeKey] === key;
    }
    if (item['$patch'] === 'delete') {
      merged = merged.filter((old) => !isSame(old));
      continue;
    }
    const at = merged.findIndex(isSame);
    const old = merged[at];
    if (at < 0) merged.push(mergeFields(element, {}, item));
    else merged[at] = mergeFields(element, isFields(old) ? old : {}, item);
  }
  return inOrder(merged, items, target, mergeKey);
}

function fail(message: string): never {
  throw new StatusError(500, undefined, message);
}

function fieldOf(type: Type, key: string): Known | undefined {
  if (type.kind === 'map') return { type: type.element, mergeKey: undefined, merges: false };
  if (type.kind !== 'struct') return undefined;
  const field: Field | undefined = structOf(type.name).fields.get(key);
  return field === undefined
    ? undefined
    : { type: field.type, mergeKey: field.mergeKey, merges: field.patchStrategies.includes('merge') };
}
