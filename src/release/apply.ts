import type { KubeObject } from '../cluster/release-port.ts';
import { ContentionError } from '../errors.ts';
import type { Session } from './deps.ts';
import { moveFields } from './ownership.ts';
import type { PlannedObject } from './plan.ts';
import { applyOrTake, conflictError, refusalError } from './plan.ts';
import type { TakenField } from './records.ts';
import { itemOf } from './records.ts';

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
