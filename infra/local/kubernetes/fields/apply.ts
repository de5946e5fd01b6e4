import { isDeepStrictEqual } from 'node:util';
import type { Fields } from '../json.ts';
import { apiVersionOf } from '../resources/resource.ts';
import type { Resource } from '../resources/resource.ts';
import { formatTime } from '../schema/time.ts';
import { StatusError } from '../status.ts';
import { compareObjects } from './compare.ts';
import { fieldSetOf, withNamedFields } from './field-set.ts';
import { isSameManager, unownable, withoutSystemPaths } from './managers.ts';
import type { Manager, ManagerId } from './managers.ts';
import { mergeObjects } from './merge.ts';
import { removeFields } from './remove.ts';
import { difference, emptySet, formatPath, intersection, isEmptySet, pathsOf, union, without } from './set.ts';
import type { FieldSet } from './set.ts';

export interface Application {
  readonly resource: Resource;
  /** The stored object, and the configuration, both without kind, version and managedFields. */
  readonly live: Fields;
  readonly config: Fields;
  readonly managers: readonly Manager[];
  readonly by: ManagerId;
  readonly force: boolean;
  readonly now: Date;
}

export interface Applied {
  readonly object: Fields;
  readonly managers: readonly Manager[];
}

interface Conflict {
  readonly manager: Manager;
  readonly set: FieldSet;
}

/**
 * Server-side apply (structured-merge-diff, merge/update.go): the configuration is merged into the object, what the same
 * manager applied before and now leaves out goes, unless another manager owns it.
 * Throws 409 when another manager owns what would change, unless forced.
 */
export function applyConfig({ resource, live, config, managers, by, force, now }: Application): Applied {
  const { struct } = resource;
  const last = managers.find((each) => isSameManager(each, by));
  const ignored = unownable(resource, by.subresource);
  const own: Manager = {
    ...by,
    time: last?.time,
    set: withoutSystemPaths(without(fieldSetOf(struct, config), ignored)),
  };
  const others = managers.filter((each) => each !== last);
  const merged = mergeObjects(struct, live, config);
  const object = prune(struct, merged, last?.set, [own, ...others]);
  const { added, modified, removed } = compareObjects(struct, live, object);
  const changed = without(union(added, modified), ignored);
  const conflicts = others
    .map((manager) => ({ manager, set: intersection(manager.set, changed) }))
    .filter(({ set }) => !isEmptySet(set));
  if (conflicts.length > 0 && !force) throw conflictError(resource, conflicts);
  const gone = without(removed, ignored);
  const rest = others.map((each) => ({ ...each, set: difference(difference(each.set, changed), gone) }));
  const isSame = isDeepStrictEqual(live, object);
  return { object, managers: [...rest, isSame ? own : { ...own, time: formatTime(now) }] };
}

/** Removes fields that were applied before, are not applied now, and have no other owner. */
function prune(struct: string, merged: Fields, last: FieldSet | undefined, managers: readonly Manager[]): Fields {
  if (last === undefined || isEmptySet(last)) return merged;
  function named(set: FieldSet): FieldSet {
    return withNamedFields(struct, set);
  }
  function present(object: Fields): FieldSet {
    return named(fieldSetOf(struct, object));
  }
  const bare = removeFields(struct, merged, named(last));
  const owned = managers.map((each) => each.set).reduce(union, emptySet);
  const unowned = difference(present(merged), union(present(bare), named(owned)));
  const pruned = removeFields(struct, merged, unowned);
  // Only fields that this manager applied before may be removed.
  const dangling = difference(present(merged), present(pruned));
  return removeFields(struct, merged, intersection(dangling, named(last)));
}

function conflictError(resource: Resource, conflicts: readonly Conflict[]): StatusError {
  const all = conflicts.flatMap(({ manager, set }) => {
    const name = describe(resource, manager);
    return pathsOf(set).map((path) => ({ name, path: formatPath(path) }));
  });
  const causes = all.map(({ name, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${name}`,
    field: path,
  }));
  return new StatusError(409, 'Conflict', conflictMessage(all), { causes });
}

function describe(resource: Resource, { manager, operation, subresource }: Manager): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Apply' ? name : `${name} using ${apiVersionOf(resource)}`;
}

function conflictMessage(all: readonly { readonly name: string; readonly path: string }[]): string {
  const [only] = all;
  if (all.length === 1 && only !== undefined)
    return `Apply failed with 1 conflict: conflict with ${only.name}: ${only.path}`;
  const names = [...new Set(all.map(({ name }) => name))].toSorted((a, b) => (a < b ? -1 : 1));
  const lines = names.flatMap((name) => [
    `conflicts with ${name}:`,
    ...all.filter((each) => each.name === name).map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${all.length} conflicts: ${lines.join('\n')}`;
}
