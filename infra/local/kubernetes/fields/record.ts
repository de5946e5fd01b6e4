import { omit } from '../json.ts';
import type { Fields } from '../json.ts';
import type { WriteOptions } from '../operations/write.ts';
import type { Resource } from '../resources/resource.ts';
import { zeroOf } from '../schema/conform.ts';
import { formatTime } from '../schema/time.ts';
import type { Draft, KubeObject } from '../types.ts';
import { compareObjects } from './compare.ts';
import { isReset, isSameManager, readManagers, unownable, withoutSystemPaths, writeManagers } from './managers.ts';
import type { Manager, ManagerId } from './managers.ts';
import { difference, intersection, isEmptySet, union, without } from './set.ts';
import type { FieldSet } from './set.ts';

interface Step {
  readonly resource: Resource;
  readonly before: Fields;
  readonly after: Fields;
  readonly by: ManagerId;
  readonly now: Date;
}

/** The object without kind, version and managedFields: what managers can own. */
export function ownable(object: Fields): Fields {
  const metadata = object['metadata'];
  const rest = omit(object, 'kind', 'apiVersion');
  return typeof metadata === 'object' && metadata !== null
    ? { ...rest, metadata: omit({ ...metadata }, 'managedFields') }
    : rest;
}

/** Records in managedFields that `manager` wrote the draft. */
export function recordCreate(resource: Resource, draft: Draft, manager: string, now: Date): void {
  const by: ManagerId = { manager, operation: 'Update', subresource: '' };
  const managers = afterUpdate([], { resource, before: zeroOf(resource.struct), after: ownable(draft), by, now });
  setManagers(resource, draft, managers);
}

function afterUpdate(managers: readonly Manager[], { resource, before, after, by, now }: Step): readonly Manager[] {
  const { added, modified, removed } = compareObjects(resource.struct, before, after);
  const ignored = unownable(resource, by.subresource);
  const taken = withoutSystemPaths(without(union(added, modified), ignored));
  const gone = without(removed, ignored);
  const rest = managers.map((each) => ({ ...each, set: keep(each.set, taken, gone) }));
  if (isEmptySet(taken)) return rest;
  const previous = rest.find((each) => isSameManager(each, by));
  const own: Manager = {
    ...by,
    time: formatTime(now),
    set: previous === undefined ? taken : union(taken, previous.set),
  };
  return [...rest.filter((each) => each !== previous), own];
}

/** The same set when nothing of it changed hands. */
function keep(set: FieldSet, taken: FieldSet, gone: FieldSet): FieldSet {
  const lost = union(intersection(set, taken), intersection(set, gone));
  return isEmptySet(lost) ? set : difference(set, lost);
}

/**
 * Writes down that a manager made the draft from the stored object: it owns what changed, others own that no longer.
 * A caller may take entries away by sending other managedFields, and all of them by sending one empty entry.
 */
export function recordUpdate(
  resource: Resource,
  old: KubeObject,
  draft: Draft,
  options: WriteOptions,
  now: Date,
): void {
  const sent = draft.metadata['managedFields'];
  const isSub = options.subresource !== undefined;
  const own = isSub ? [] : readManagers(sent);
  const known = !isSub && isReset(sent) ? [] : own.length > 0 ? own : readManagers(old.metadata.managedFields);
  // Of an object without an account none is begun before the first apply (apimachinery, `skipnonapplied.go`).
  if (known.length === 0) return setManagers(resource, draft, []);
  const by: ManagerId = { manager: options.manager, operation: 'Update', subresource: options.subresource ?? '' };
  const managers = afterUpdate(known, { resource, before: ownable({ ...old }), after: ownable(draft), by, now });
  return setManagers(resource, draft, managers);
}

export function setManagers(resource: Resource, draft: Draft, managers: readonly Manager[]): void {
  const entries = writeManagers(resource, managers);
  if (entries === undefined) delete draft.metadata['managedFields'];
  else draft.metadata['managedFields'] = entries;
}
