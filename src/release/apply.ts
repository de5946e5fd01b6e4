import type { Applied, FieldConflict, KubeObject } from '../cluster/release-port.ts';
import { ConflictError, ContentionError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { diffObject } from './diff.ts';
import type { ObjectDiff } from './diff.ts';
import { ImmutableError, InvalidReleaseError } from './errors.ts';
import { RELEASE_LABEL } from './names.ts';
import { droppedFields, mayTake, moveFields, takenFields } from './ownership.ts';
import type { Takeover } from './ownership.ts';
import { itemKey, itemOf } from './records.ts';
import type { Item } from './records.ts';
import type { TakenField } from './diff.ts';
import type { ReleaseDeps, Session, Site } from './request.ts';

export type Action = 'created' | 'configured' | 'unchanged' | 'pruned' | 'kept';

/** The effect of applying one object, as the dry run of the API server returned it. */
export interface PlannedObject {
  readonly desired: KubeObject;
  readonly live: KubeObject | null;
  /** The object that the dry run returned. */
  readonly result: KubeObject;
  readonly action: Exclude<Action, 'pruned' | 'kept'>;
  readonly takeover: Takeover;
  /** Conflicting fields that the apply takes over. */
  readonly taken: readonly TakenField[];
  /** The fields of helm and kubectl are moved to our field manager before the apply. */
  readonly adopts: boolean;
  /** For an adoption: paths of fields that only helm or kubectl set. They are removed; the dry run does not show that. */
  readonly drops: readonly string[];
  readonly diff: ObjectDiff | null;
}

interface Trial {
  readonly desired: KubeObject;
  readonly live: KubeObject | null;
  readonly applied: Applied;
  readonly taken: readonly TakenField[];
}

/** For example two list entries with the same name, one of helm's and one of ours. The real apply removes helm's first. */
const HELMS_FIELDS: Issue = {
  path: '',
  message:
    'the dry run still contains the fields that helm set; if one of them is refused, first adopt the release with its current values, then change them',
};

/** A 409 that lists every conflicting field with its manager. */
export function conflictError(found: readonly (readonly [KubeObject, readonly FieldConflict[]])[]): ConflictError {
  const conflicts = found.flatMap(([object, fields]) =>
    fields.map(({ field, manager }) => ({ kind: object.kind, name: object.metadata.name, field, manager })),
  );
  const texts = found.flatMap(([object, fields]) => fields.map((field) => describeConflict(object, field)));
  const advice =
    'Write that value in the values, remove the field from the other manager, or deploy with ?force=true, which takes these fields over.';
  return new ConflictError(`Not deployed: ${texts.join('; ')}. ${advice}`, {
    details: { outcome: 'conflict', conflicts },
  });
}

function describeConflict(object: KubeObject, { field, manager }: FieldConflict): string {
  return `${object.kind} ${object.metadata.name}: ${field} is set by "${manager}"`;
}

/** A 422 that lists every field that the API server refused. */
export function refusalError(
  found: readonly (readonly [KubeObject, readonly Issue[], boolean])[],
): InvalidReleaseError {
  const issues = found.flatMap(([object, list]) =>
    explainUnserved(object, list).map(({ path, message }) => ({
      path: `${object.kind}/${object.metadata.name}${path === '' ? '' : `: ${path}`}`,
      message,
    })),
  );
  const isImmutable = found.some(([, , immutable]) => immutable);
  const details = { outcome: isImmutable ? 'immutable' : 'invalid' };
  return isImmutable ? new ImmutableError(issues, { details }) : new InvalidReleaseError(issues, { details });
}

/** The live objects of a release by `itemKey`. */
export type LiveObjects = ReadonlyMap<string, KubeObject | null>;

/** Reads the live objects in parallel. */
export async function readLive(deps: ReleaseDeps, site: Site, objects: readonly KubeObject[]): Promise<LiveObjects> {
  const { namespace, signal } = site;
  const found = await Promise.all(
    objects.map(async (object) => {
      const item = itemOf(object, namespace);
      return [itemKey(item), await deps.cluster.getObject(item, { signal })] as const;
    }),
  );
  return new Map(found);
}

/**
 * Applies every object as a dry run with strict validation. Throws ConflictError with all conflicting fields that may not
 * be taken over, and InvalidReleaseError or ImmutableError with everything that the API server refused.
 */
export async function planObjects(
  deps: ReleaseDeps,
  site: Site,
  objects: readonly KubeObject[],
  live: LiveObjects,
  takeover: Takeover,
): Promise<PlannedObject[]> {
  const trials = await Promise.all(
    objects.map(async (desired): Promise<Trial> => {
      const found = live.get(itemKey(itemOf(desired, site.namespace))) ?? null;
      return { desired, live: found, ...(await applyOrTake(deps, site, desired, takeover, { dryRun: true })) };
    }),
  );
  assertAccepted(trials, takeover.adopt);
  return trials.flatMap((trial) => planOf(trial, takeover));
}

/** Applies an object, and takes over conflicting fields where `takeover` allows it. */
export async function applyOrTake(
  { cluster }: ReleaseDeps,
  { namespace, signal }: Site,
  desired: KubeObject,
  takeover: Takeover,
  { dryRun }: { readonly dryRun: boolean },
): Promise<{ readonly applied: Applied; readonly taken: readonly TakenField[] }> {
  const applied = await cluster.applyObject(desired, { dryRun, signal });
  if (applied.kind !== 'conflict') return { applied, taken: [] };
  // Read again: the values that are overwritten are those of this moment.
  const live = await cluster.getObject(itemOf(desired, namespace), { signal });
  if (live === null || !mayTake(live, applied.conflicts, takeover)) return { applied, taken: [] };
  return {
    applied: await cluster.applyObject(desired, { dryRun, force: true, signal }),
    taken: takenFields(live, applied.conflicts),
  };
}

function assertAccepted(trials: readonly Trial[], adopt: boolean): void {
  const refused = trials.flatMap(({ desired, live, applied }) => {
    if (applied.kind !== 'refused') return [];
    const moves = adopt && live !== null && moveFields(live) !== null && !applied.immutable;
    return [[desired, moves ? [...applied.issues, HELMS_FIELDS] : applied.issues, applied.immutable] as const];
  });
  if (refused.length > 0) throw refusalError(refused);
  const conflicts = trials.flatMap(({ desired, applied }) =>
    applied.kind === 'conflict' ? [[desired, applied.conflicts] as const] : [],
  );
  if (conflicts.length > 0) throw conflictError(conflicts);
}

function planOf({ desired, live, applied, taken }: Trial, takeover: Takeover): PlannedObject[] {
  if (applied.kind !== 'applied') return [];
  const { adopt } = takeover;
  const diff = diffObject(live, applied.object);
  const moves = adopt && live !== null && moveFields(live) !== null;
  const action = live === null ? 'created' : diff === null && !moves ? 'unchanged' : 'configured';
  const drops = moves ? droppedFields(live, applied.object) : [];
  const adopts = adopt && live !== null;
  return [{ desired, live, result: applied.object, action, takeover, taken, adopts, drops, diff }];
}

/** Notes on the fields that an adoption removes. */
export function dropNotes(plan: readonly PlannedObject[]): string[] {
  return plan.flatMap(({ desired, drops }) =>
    drops.length === 0
      ? []
      : [
          `${desired.kind} ${desired.metadata.name}: fields that only helm or kubectl set are removed or reset to the cluster's default: ${drops.join(', ')}`,
        ],
  );
}

/** How to install the kinds that not every cluster serves. */
const REMEDIES: Readonly<Record<string, string>> = {
  Mapping: 'install Emissary-ingress 3 with its CRDs',
  HTTPRoute: 'install the Gateway API’s CRDs (on GKE: gcloud container clusters update CLUSTER --gateway-api=standard)',
};

/**
 * The issues of a refused object, with a remedy where the cluster does not serve its kind. A 404 can mean a missing
 * namespace too, but the preflight has checked that it exists.
 */
export function explainUnserved({ apiVersion, kind }: KubeObject, issues: readonly Issue[]): readonly Issue[] {
  const remedy = Object.hasOwn(REMEDIES, kind) ? REMEDIES[kind] : undefined;
  if (remedy === undefined) return issues;
  return issues.map((issue) => {
    if (issue.path !== 'kind') return issue;
    const message = `the cluster serves no ${apiVersion} ${kind}: ${remedy}, or choose another service.routing (routing: none creates no route)`;
    return { path: '', message };
  });
}

const MAX_TRIES = 4;

/** An object as the API server stored it. */
export interface AppliedObject {
  readonly object: KubeObject;
  readonly planned: PlannedObject;
  /** Fields taken over from other managers. */
  readonly taken: readonly TakenField[];
}

/**
 * Applies the objects in order and skips the unchanged ones. Throws when the API server refuses one: the objects before
 * it are then applied, those after it are not.
 */
export async function applyObjects(session: Session, plan: readonly PlannedObject[]): Promise<AppliedObject[]> {
  const applied: AppliedObject[] = [];
  for (const planned of plan) {
    const { action, desired, live, result } = planned;
    const isDone = action === 'unchanged' && live !== null;
    applied.push(isDone ? { object: live ?? result, planned, taken: [] } : await applyOne(session, planned));
    session.report?.({ event: 'applied', message: `${desired.kind} ${desired.metadata.name} ${action}` });
  }
  return applied;
}

async function applyOne(session: Session, planned: PlannedObject): Promise<AppliedObject> {
  const { desired, adopts } = planned;
  if (adopts) await takeFields(session, desired);
  const first = await send(session, planned);
  // An object without managedFields gets the entry `before-first-apply` by its first apply; move those fields as well.
  if (!adopts || moveFields(first.object) === null) return first;
  await takeFields(session, desired);
  return send(session, planned);
}

/** Moves the fields of helm and kubectl to our field manager, so that the next apply removes those it does not contain. */
async function takeFields(session: Session, object: KubeObject): Promise<void> {
  const { deps, namespace, signal } = session;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const live = await deps.cluster.getObject(itemOf(object, namespace), { signal });
    const fields = live === null ? null : moveFields(live);
    if (live === null || fields === null) return;
    await session.ensureLock();
    if ((await deps.cluster.replaceManagedFields(live, fields, { signal })) !== 'conflict') return;
  }
  throw new ContentionError(
    `${object.kind} ${object.metadata.name} changes too often to be taken over; repeat the call.`,
  );
}

async function send(session: Session, planned: PlannedObject): Promise<AppliedObject> {
  const { desired, takeover } = planned;
  await session.ensureLock();
  const { applied, taken } = await applyOrTake(session.deps, session, desired, takeover, { dryRun: false });
  if (applied.kind === 'conflict') throw conflictError([[desired, applied.conflicts]]);
  if (applied.kind === 'refused') throw refusalError([[desired, applied.issues, applied.immutable]]);
  return { object: applied.object, planned, taken: mergeTaken(planned.taken, taken) };
}

/** The dry run's conflicts are kept: an adoption moves helm's fields before the real apply, which then has no conflict. */
function mergeTaken(planned: readonly TakenField[], taken: readonly TakenField[]): TakenField[] {
  const now = new Set(taken.map(({ field }) => field));
  return [...planned.filter(({ field }) => !now.has(field)), ...taken];
}

export interface Pruned {
  readonly deleted: readonly Item[];
  /** Not deleted: the object has no label of this release, or another uid. */
  readonly spared: readonly Item[];
}

/** Deletes the items whose live object has the release's label and the recorded uid. */
export async function deleteItems(session: Session, items: readonly Item[]): Promise<Pruned> {
  const deleted: Item[] = [];
  const spared: Item[] = [];
  // In reverse: routes and Deployments before the Services they depend on.
  for (const item of items.toReversed()) {
    const outcome = await deleteItem(session, item);
    if (outcome === 'deleted') {
      deleted.push(item);
      session.report?.({ event: 'deleted', message: `${item.kind} ${item.name} deleted` });
    }
    if (outcome === 'spared') spared.push(item);
  }
  return { deleted, spared };
}

async function deleteItem(session: Session, item: Item): Promise<'deleted' | 'spared' | 'absent'> {
  const { deps, release, signal } = session;
  const live = await deps.cluster.getObject(item, { signal });
  const uid = live?.metadata.uid;
  if (live === null || uid === undefined) return 'absent';
  if (!isOurs(item, live, release)) return 'spared';
  await session.ensureLock();
  return deps.cluster.deleteObject(item, { uid, signal });
}

/** Whether the live object has the release's label and, if one is recorded, the recorded uid. */
export function isOurs(item: Item, live: KubeObject, release: string): boolean {
  const { labels, uid } = live.metadata;
  return labels?.[RELEASE_LABEL] === release && (item.uid === undefined || item.uid === uid);
}
