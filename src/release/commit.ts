import type { KubeObject } from '../cluster/release-port.ts';
import { AppError } from '../errors.ts';
import { specHash } from '../jobs/spec.ts';
import { deleteItems } from './apply.ts';
import type { AppliedObject, LiveObjects } from './apply.ts';
import type { ComponentName } from './names.ts';
import {
  createRevision,
  currentOf,
  nextRevision,
  noteRevision,
  readState,
  trimHistory,
  writePointer,
} from './history.ts';
import type { ReleaseState } from './history.ts';
import { asFound } from './ownership.ts';
import { itemKey, itemOf, leftovers, mergeItems } from './records.ts';
import type { FailedEnd, Item, Pointer, Revision } from './records.ts';
import type { TakenField } from './diff.ts';
import type { Session } from './request.ts';

/** What a deploy records of its desired state. */
interface Content extends Pick<Revision, 'description' | 'rendererVersion' | 'hash' | 'objects'> {
  readonly document: unknown;
  readonly restartedAt: Readonly<Partial<Record<ComponentName, string>>>;
}

/** A pending revision. */
export interface Begun {
  readonly revision: number;
  readonly pointer: Pointer;
  readonly items: readonly Item[];
  /** Fields taken over from other managers so far. */
  readonly taken: readonly TakenField[];
}

export interface Committed {
  readonly pruned: readonly Item[];
  readonly warnings: readonly string[];
}

/**
 * Records the objects of an adoption, as they were found, as a revision: the target of a rollback. Returns the state
 * after that.
 */
export async function recordFound(
  session: Session,
  state: ReleaseState,
  found: readonly KubeObject[],
  requestedBy: string | undefined,
): Promise<ReleaseState> {
  const { release, namespace } = session;
  const current = currentOf(state);
  const kept = found.map((object) => asFound(object, release));
  const keys = new Set(kept.map((object) => itemKey(itemOf(object, namespace))));
  const others = (current?.objects ?? []).filter((object) => !keys.has(itemKey(itemOf(object, namespace))));
  const objects = [...others, ...kept];
  const revision = nextRevision(state);
  await createRevision(session, {
    ...baseRevision(session, revision, requestedBy),
    description: 'as found, before it was adopted',
    rendererVersion: 'found',
    hash: specHash(objects),
    restartedAt: current?.restartedAt ?? {},
    values: null,
    objects,
    status: 'deployed',
  });
  const pointer = state.pointer ?? emptyPointer(release);
  const inventory = mergeItems(
    pointer.inventory,
    found.map((object) => itemOf(object, namespace)),
  );
  await writePointer(session, { ...pointer, current: revision, inventory });
  if (current !== undefined) {
    const finishedAt = session.deps.launch.now().toISOString();
    await noteRevision(session, current.revision, { status: 'superseded', finishedAt });
  }
  return readState(session.deps, session);
}

function baseRevision(session: Session, revision: number, requestedBy: string | undefined) {
  return {
    schemaVersion: 1 as const,
    release: session.release,
    revision,
    requestId: session.requestId,
    ...(requestedBy !== undefined && { requestedBy }),
    createdAt: session.deps.launch.now().toISOString(),
  };
}

function emptyPointer(release: string): Pointer {
  return {
    schemaVersion: 1,
    release,
    current: null,
    pending: null,
    inventory: [],
  };
}

/** Records the revision as `pending` and all objects that it may create in the inventory, before any is created. */
export async function begin(
  session: Session,
  state: ReleaseState,
  desired: Content,
  live: LiveObjects,
  more: { readonly requestedBy: string | undefined; readonly taken: readonly TakenField[] },
): Promise<Begun> {
  const { requestedBy, taken } = more;
  const revision = nextRevision(state);
  const record: Revision = {
    ...baseRevision(session, revision, requestedBy),
    description: desired.description,
    rendererVersion: desired.rendererVersion,
    hash: desired.hash,
    restartedAt: { ...desired.restartedAt },
    values: desired.document,
    objects: desired.objects,
    status: 'pending',
    taken,
  };
  await createRevision(session, record);
  const before = state.pointer ?? emptyPointer(session.release);
  const items = itemsOf(session, desired, live);
  // An item without a live object loses its recorded uid: the object that is created now has another one, and would
  // never be pruned.
  const pointer = { ...before, pending: revision, inventory: [...leftovers(before.inventory, items), ...items] };
  await writePointer(session, pointer);
  return { revision, pointer, items, taken };
}

function itemsOf(session: Session, desired: Content, live: LiveObjects): Item[] {
  return desired.objects.map((object) => {
    const item = itemOf(object, session.namespace);
    const uid = live.get(itemKey(item))?.metadata.uid;
    return uid === undefined ? item : { ...item, uid };
  });
}

/** Records the uids of the applied objects and the fields that were taken over. */
export async function noteApplied(session: Session, begun: Begun, applied: readonly AppliedObject[]): Promise<Begun> {
  const made = applied.map(({ object }) => itemOf(object, session.namespace));
  const items = mergeItems(begun.items, made);
  const pointer = { ...begun.pointer, inventory: mergeItems(begun.pointer.inventory, made) };
  await writePointer(session, pointer);
  const taken = applied.flatMap((one) => one.taken);
  if (JSON.stringify(taken) !== JSON.stringify(begun.taken)) await noteRevision(session, begun.revision, { taken });
  return { ...begun, pointer, items, taken };
}

/** Prunes, marks the revision `deployed` and the previous one `superseded`, and writes the pointer last. */
export async function commit(session: Session, begun: Begun): Promise<Committed> {
  const { pruned, warnings, left } = await prune(session, begun);
  const finishedAt = session.deps.launch.now().toISOString();
  const { current } = begun.pointer;
  await noteRevision(session, begun.revision, { status: 'deployed', finishedAt });
  if (current !== null) await noteRevision(session, current, { status: 'superseded', finishedAt });
  const inventory = mergeItems(begun.items, left);
  await writePointer(session, { ...begun.pointer, current: begun.revision, pending: null, inventory });
  return { pruned, warnings: [...warnings, ...(await trim(session))] };
}

/** Objects that could not be pruned stay in the inventory; the next deploy tries again. */
async function prune(session: Session, begun: Begun): Promise<Committed & { readonly left: readonly Item[] }> {
  const extra = leftovers(begun.pointer.inventory, begun.items);
  try {
    const { deleted, spared } = await deleteItems(session, extra);
    const warnings = spared.map(
      ({ kind, name }) =>
        `${kind} ${name} no longer belongs to this release and was not deleted: it has no label of the release, or was recreated by another client.`,
    );
    return { pruned: deleted, warnings, left: [] };
  } catch (error) {
    if (!(error instanceof AppError) || error.status === 409) throw error;
    return {
      pruned: [],
      warnings: [`Not everything could be pruned: ${error.message} The next deploy tries again.`],
      left: extra,
    };
  }
}

/** The revision has ended by now, so an error is a warning; the next call tries again. */
async function trim(session: Session): Promise<string[]> {
  try {
    await trimHistory(session, await readState(session.deps, session));
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [`Old revisions were not removed: ${error.message}`];
  }
}

/** Marks the revision `failed`; `inventory` lists the objects that exist now. */
export async function recordFailure(
  session: Session,
  begun: Begun,
  end: {
    readonly outcome: FailedEnd;
    readonly reason: string;
    readonly evidence: unknown;
    readonly taken: readonly TakenField[];
    readonly inventory: readonly Item[];
  },
): Promise<void> {
  const { outcome, reason, evidence, taken, inventory } = end;
  const finishedAt = session.deps.launch.now().toISOString();
  await noteRevision(session, begun.revision, {
    status: 'failed',
    end: outcome,
    reason,
    evidence,
    taken,
    finishedAt,
  });
  await writePointer(session, { ...begun.pointer, pending: null, inventory: [...inventory] });
  await trim(session);
}

const INTERRUPTED = 'The call ended before the revision was complete.';

/**
 * Cleans up after a killed or cancelled call: marks its revision `interrupted` with `why`, or completes the commit if only
 * the pointer was missing. The inventory already contains its objects. Returns the state after that.
 */
export async function recover(
  session: Session,
  why = INTERRUPTED,
): Promise<{ readonly state: ReleaseState; readonly wasInterrupted: boolean }> {
  const state = await readState(session.deps, session);
  const { pointer, revisions } = state;
  const after = pointer === null ? null : recovered(state, pointer);
  const current = after?.current ?? null;
  const isClean = revisions.every(
    ({ revision, status }) => status !== 'pending' && (status !== 'deployed' || revision === current),
  );
  if (isClean && pointer?.pending === after?.pending) return { state, wasInterrupted: false };
  await endOthers(session, revisions, { current, why });
  if (after !== null && after !== pointer) await writePointer(session, after);
  return { state: await readState(session.deps, session), wasInterrupted: true };
}

function recovered(state: ReleaseState, pointer: Pointer): Pointer {
  const { pending } = pointer;
  if (pending === null) return pointer;
  return { ...pointer, current: isCommitted(state, pending) ? pending : pointer.current, pending: null };
}

/** The revision is `deployed` and the pointer still has it as pending: the call was killed at the end of its commit. */
function isCommitted(state: ReleaseState, pending: number): boolean {
  return state.revisions.some(({ revision, status }) => revision === pending && status === 'deployed');
}

async function endOthers(
  session: Session,
  revisions: readonly Revision[],
  { current, why }: { readonly current: number | null; readonly why: string },
): Promise<void> {
  const finishedAt = session.deps.launch.now().toISOString();
  for (const { revision, status, reason } of revisions) {
    if (revision === current) continue;
    // The revision has a reason if the call was killed during its rollback.
    const text = reason === undefined ? why : `${reason} ${why}`;
    if (status === 'pending')
      await noteRevision(session, revision, { status: 'interrupted', reason: text, finishedAt });
    if (status === 'deployed') await noteRevision(session, revision, { status: 'superseded', finishedAt });
  }
}
