import type { KubeObject } from '../cluster/release-port.ts';
import { ContentionError } from '../errors.ts';
import type { Session } from './deps.ts';
import { moveFields } from './ownership.ts';
import type { PlannedObject } from './plan.ts';
import { conflictError, refusalError } from './plan.ts';
import { itemOf } from './records.ts';

const MAX_TRIES = 4;

/** An object as the API server stored it. */
export interface AppliedObject {
  readonly object: KubeObject;
  readonly planned: PlannedObject;
}

/**
 * Applies the objects in their order; what would change nothing is not sent. Throws what the API server refuses, after
 * which the objects before it are applied and those after it are not.
 */
export async function applyObjects(session: Session, plan: readonly PlannedObject[]): Promise<AppliedObject[]> {
  const applied: AppliedObject[] = [];
  for (const planned of plan) {
    const isDone = planned.action === 'unchanged' && planned.live !== null;
    applied.push(isDone ? { object: planned.live ?? planned.result, planned } : await applyOne(session, planned));
  }
  return applied;
}

async function applyOne(session: Session, planned: PlannedObject): Promise<AppliedObject> {
  const { desired, adopts } = planned;
  if (adopts) await takeFields(session, desired);
  const object = await send(session, planned);
  // Of an object without managedFields the API server learns only by the first apply that somebody had set its fields.
  if (!adopts || moveFields(object) === null) return { object, planned };
  await takeFields(session, desired);
  return { object: await send(session, planned), planned };
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

async function send(session: Session, { desired, force }: PlannedObject): Promise<KubeObject> {
  await session.ensureLock();
  const applied = await session.deps.cluster.applyObject(desired, { signal: session.signal, force });
  if (applied.kind === 'conflict') throw conflictError([[desired, applied.conflicts]]);
  if (applied.kind === 'refused') throw refusalError([[desired, applied.issues, applied.immutable]]);
  return applied.object;
}
