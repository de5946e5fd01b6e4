import type { Applied, FieldConflict, KubeObject } from '../cluster/release-port.ts';
import type { Issue } from '../errors.ts';
import { ConflictError } from '../errors.ts';
import type { ReleaseDeps, Site } from './deps.ts';
import type { ObjectDiff } from './diff.ts';
import { diffObject } from './diff.ts';
import { ImmutableError, InvalidReleaseError } from './errors.ts';
import type { Takeover } from './ownership.ts';
import { droppedFields, mayTake, moveFields, takenFields } from './ownership.ts';
import type { LiveObjects } from './preflight.ts';
import type { TakenField } from './records.ts';
import { itemKey, itemOf } from './records.ts';
import { explainUnserved } from './unserved.ts';

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
