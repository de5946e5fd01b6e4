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

export type Action = 'created' | 'configured' | 'unchanged' | 'pruned';

/** What applying one object would do, as the API server itself says. */
export interface PlannedObject {
  readonly desired: KubeObject;
  readonly live: KubeObject | null;
  /** As the dry run answered it. */
  readonly result: KubeObject;
  readonly action: Exclude<Action, 'pruned'>;
  readonly takeover: Takeover;
  /** Conflicting fields that the apply takes over. */
  readonly taken: readonly TakenField[];
  /** Fields of helm and kubectl become ours. */
  readonly adopts: boolean;
  /** Of an adoption: paths of what helm or kubectl set and we do not, which no dry run shows. */
  readonly drops: readonly string[];
  readonly diff: ObjectDiff | null;
}

interface Trial {
  readonly desired: KubeObject;
  readonly live: KubeObject | null;
  readonly applied: Applied;
  readonly taken: readonly TakenField[];
}

/** Such as a list entry of helm's beside ours of the same name: the apply itself would have removed it first. */
const HELMS_FIELDS: Issue = {
  path: '',
  message:
    'the dry run still holds what helm set; if that is what is refused, adopt the release with the values that it runs with first, and change them then',
};

/** 409 naming every field that another manager set, with the manager. */
export function conflictError(found: readonly (readonly [KubeObject, readonly FieldConflict[]])[]): ConflictError {
  const conflicts = found.flatMap(([object, fields]) =>
    fields.map(({ field, manager }) => ({ kind: object.kind, name: object.metadata.name, field, manager })),
  );
  const told = found.flatMap(([object, fields]) => fields.map((field) => tellConflict(object, field)));
  const advice =
    'Write that value in the values, remove the field from the other manager, or deploy with ?force=true, which takes these fields over.';
  return new ConflictError(`Not deployed: ${told.join('; ')}. ${advice}`, {
    details: { outcome: 'conflict', conflicts },
  });
}

function tellConflict(object: KubeObject, { field, manager }: FieldConflict): string {
  return `${object.kind} ${object.metadata.name}: ${field} is set by "${manager}"`;
}

/** 422 naming every field that the API server refuses. */
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

/** The objects of a release as they are now, by `itemKey`. */
export type LiveObjects = ReadonlyMap<string, KubeObject | null>;

/** Reads the objects as they are now, all at once. */
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
 * Asks the API server what applying each object would do, with strict validation and without storing anything. Throws
 * ConflictError for fields of others, InvalidReleaseError or ImmutableError for what it refuses: all of it at once.
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
  // The values as they are at this moment are the ones that are lost.
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

/** What an adoption takes away, for people. */
export function dropNotes(plan: readonly PlannedObject[]): string[] {
  return plan.flatMap(({ desired, drops }) =>
    drops.length === 0
      ? []
      : [
          `${desired.kind} ${desired.metadata.name}: what helm or kubectl alone had set goes, or becomes the cluster's default: ${drops.join(', ')}`,
        ],
  );
}

/**
 * What differs between the objects and the cluster, whoever made it so. The dry run is forced, or a field that somebody
 * else set would be a conflict in the place of a difference; nothing is stored, so nothing is taken from anybody.
 */
export async function compareObjects(
  deps: ReleaseDeps,
  site: Site,
  objects: readonly KubeObject[],
  live: LiveObjects,
): Promise<PlannedObject[]> {
  const trials = await Promise.all(
    objects.map(async (desired): Promise<Trial> => {
      const applied = await deps.cluster.applyObject(desired, { dryRun: true, force: true, signal: site.signal });
      return { desired, live: live.get(itemKey(itemOf(desired, site.namespace))) ?? null, applied, taken: [] };
    }),
  );
  assertAccepted(trials, false);
  return trials.flatMap((trial) => planOf(trial, { adopt: false, force: false }));
}

/** How a cluster comes to serve the kinds that not every cluster has. */
const REMEDIES: Readonly<Record<string, string>> = {
  Mapping: 'install Emissary-ingress 3 with its CRDs',
  HTTPRoute: 'install the Gateway API’s CRDs (on GKE: gcloud container clusters update CLUSTER --gateway-api=standard)',
};

/**
 * What an API server refused of an object, a kind that it does not serve told with the remedy: the namespace is known
 * to be there by then.
 */
export function explainUnserved({ apiVersion, kind }: KubeObject, issues: readonly Issue[]): readonly Issue[] {
  const remedy = Object.hasOwn(REMEDIES, kind) ? REMEDIES[kind] : undefined;
  if (remedy === undefined) return issues;
  return issues.map((issue) => {
    if (issue.path !== 'kind') return issue;
    const message = `the cluster serves no ${apiVersion} ${kind}: ${remedy}, or choose another service.routing (routing: none makes no route)`;
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
 * Applies the objects in their order; what would change nothing is not sent. Throws what the API server refuses, after
 * which the objects before it are applied and those after it are not.
 */
export async function applyObjects(session: Session, plan: readonly PlannedObject[]): Promise<AppliedObject[]> {
  const applied: AppliedObject[] = [];
  for (const planned of plan) {
    const isDone = planned.action === 'unchanged' && planned.live !== null;
    applied.push(
      isDone ? { object: planned.live ?? planned.result, planned, taken: [] } : await applyOne(session, planned),
    );
  }
  return applied;
}

async function applyOne(session: Session, planned: PlannedObject): Promise<AppliedObject> {
  const { desired, adopts } = planned;
  if (adopts) await takeFields(session, desired);
  const first = await send(session, planned);
  // Of an object without managedFields the API server learns only by the first apply that somebody had set its fields.
  if (!adopts || moveFields(first.object) === null) return first;
  await takeFields(session, desired);
  return send(session, planned);
}

/** Makes what helm and kubectl own of the object ours, so that the apply that follows removes what it does not have. */
async function takeFields(session: Session, object: KubeObject): Promise<void> {
  const { deps, namespace, signal } = session;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const live = await deps.cluster.getObject(itemOf(object, namespace), { signal });
    const fields = live === null ? null : moveFields(live);
    if (live === null || fields === null) return;
    await session.ensureLock();
    if ((await deps.cluster.replaceManagedFields(live, fields, { signal })) !== 'conflict') return;
  }
  throw new ContentionError(`${object.kind} ${object.metadata.name} changes too often to be taken over; ask again.`);
}

async function send(session: Session, planned: PlannedObject): Promise<AppliedObject> {
  const { desired, takeover } = planned;
  await session.ensureLock();
  const { applied, taken } = await applyOrTake(session.deps, session, desired, takeover, { dryRun: false });
  if (applied.kind === 'conflict') throw conflictError([[desired, applied.conflicts]]);
  if (applied.kind === 'refused') throw refusalError([[desired, applied.issues, applied.immutable]]);
  return { object: applied.object, planned, taken: mergeTaken(planned.taken, taken) };
}

/** An adoption moves the fields of helm before it applies, so that only the dry run sees those conflicts. */
function mergeTaken(planned: readonly TakenField[], taken: readonly TakenField[]): TakenField[] {
  const now = new Set(taken.map(({ field }) => field));
  return [...planned.filter(({ field }) => !now.has(field)), ...taken];
}

export interface Pruned {
  readonly deleted: readonly Item[];
  /** Not ours any more: without our label, or another object of the name. */
  readonly spared: readonly Item[];
}

/** Deletes those of `items` that carry the release's label and are the very objects that the inventory knows. */
export async function deleteItems(session: Session, items: readonly Item[]): Promise<Pruned> {
  const deleted: Item[] = [];
  const spared: Item[] = [];
  // Routes and Deployments go before the Services that they need.
  for (const item of items.toReversed()) {
    const outcome = await deleteItem(session, item);
    if (outcome === 'deleted') deleted.push(item);
    if (outcome === 'spared') spared.push(item);
  }
  return { deleted, spared };
}

async function deleteItem(session: Session, item: Item): Promise<'deleted' | 'spared' | 'absent'> {
  const { deps, release, signal } = session;
  const live = await deps.cluster.getObject(item, { signal });
  const uid = live?.metadata.uid;
  if (live === null || uid === undefined) return 'absent';
  const isOurs = live.metadata.labels?.[RELEASE_LABEL] === release && (item.uid === undefined || item.uid === uid);
  if (!isOurs) return 'spared';
  await session.ensureLock();
  return deps.cluster.deleteObject(item, { uid, signal });
}
