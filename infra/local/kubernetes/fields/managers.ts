import { isFields, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { apiVersionOf } from '../resources/resource.ts';
import type { Resource } from '../resources/resource.ts';
import type { ManagedFieldsEntry } from '../types.ts';
import { fromFieldsV1, isEmptySet, setOf, toFieldsV1, union, without } from './set.ts';
import type { FieldSet } from './set.ts';

/** One entry of managedFields, its paths read. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
}

export type ManagerId = Pick<Manager, 'manager' | 'operation' | 'subresource'>;

/** The text of a set, so that unchanged sets are neither parsed nor formatted again. */
const written = new WeakMap<FieldSet, Fields>();
const read = new WeakMap<Fields, FieldSet>();

/** Owned by the system, so by no manager. */
const systemPaths = setOf([
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((field) => ['f:metadata', `f:${field}`] as const),
]);

const updatersKept = 10;
const oldUpdates = 'ancient-changes';

export function isSameManager(a: ManagerId, b: ManagerId): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}

/** Reads metadata.managedFields. Entries of other versions of the resource do not occur here: there is one. */
export function readManagers(managedFields: unknown): readonly Manager[] {
  return objectsAt({ managedFields }, 'managedFields').flatMap((entry) => {
    const operation = stringAt(entry, 'operation');
    const fields = entry['fieldsV1'];
    if ((operation !== 'Apply' && operation !== 'Update') || !isFields(fields)) return [];
    return [
      {
        manager: stringAt(entry, 'manager'),
        operation,
        subresource: stringAt(entry, 'subresource'),
        time: stringAt(entry, 'time') || undefined,
        set: readSet(fields),
      },
    ];
  });
}

function readSet(fields: Fields): FieldSet {
  const known = read.get(fields);
  if (known !== undefined) return known;
  const set = fromFieldsV1(fields);
  read.set(fields, set);
  written.set(set, fields);
  return set;
}

/** The set without what no manager can own. */
export function withoutSystemPaths(set: FieldSet): FieldSet {
  const { members, children } = without(set, { members: new Set(), children: systemPaths.children });
  return { members: new Set([...members].filter((element) => !systemPaths.members.has(element))), children };
}

/** metadata.managedFields for the managers; absent when none owns anything. */
export function writeManagers(
  resource: Resource,
  managers: readonly Manager[],
): readonly ManagedFieldsEntry[] | undefined {
  const owning = managers.filter(({ set }) => !isEmptySet(set));
  const entries = withinLimit(owning)
    .toSorted(byPlace)
    .map(({ manager, operation, subresource, time, set }) => ({
      manager,
      operation,
      apiVersion: apiVersionOf(resource),
      ...(time !== undefined && { time }),
      fieldsType: 'FieldsV1' as const,
      fieldsV1: writeSet(set),
      ...(subresource !== '' && { subresource }),
    }));
  return entries.length === 0 ? undefined : entries;
}

/** More than ten updaters: the oldest become one. */
function withinLimit(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation }) => operation === 'Update').toSorted(byPlace);
  if (updaters.length <= updatersKept) return managers;
  const merged = updaters.slice(0, updaters.length - updatersKept + 1);
  const bucket = merged.reduce((all, each) => ({
    manager: oldUpdates,
    operation: 'Update',
    subresource: '',
    time: each.time,
    set: union(all.set, each.set),
  }));
  return [...managers.filter((each) => !merged.includes(each)), bucket];
}

function byPlace(a: Manager, b: Manager): number {
  return (
    compare(a.operation, b.operation) ||
    compare(a.time ?? '', b.time ?? '') ||
    compare(a.manager, b.manager) ||
    compare(a.subresource, b.subresource)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function writeSet(set: FieldSet): Fields {
  const known = written.get(set);
  if (known !== undefined) return known;
  const fields = toFieldsV1(set);
  written.set(set, fields);
  read.set(fields, set);
  return fields;
}

/** The fields that a write to the resource or subresource cannot change, and so cannot own. */
export function unownable(resource: Resource, subresource: string): FieldSet {
  if (subresource === 'status') return setOf([['f:spec']]);
  return resource.subresources.includes('status') && subresource === '' ? setOf([['f:status']]) : setOf([]);
}

/** Whether the request removes all managers: a list with one empty entry. */
export function isReset(managedFields: unknown): boolean {
  const entries: readonly Fields[] = objectsAt({ managedFields }, 'managedFields');
  return (
    entries.length === 1 &&
    Object.keys(entries[0] ?? {}).every((key) => entries[0]?.[key] === '' || entries[0]?.[key] === null)
  );
}
