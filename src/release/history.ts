import type { KubeObject, ObjectRef } from '../cluster/release-port.ts';
import { ContentionError, InvalidRequestError, NotFoundError, isAmbiguous } from '../errors.ts';
import { RELEASE_LABEL, revisionName, stateName } from './names.ts';
import { STATE_LABEL, buildPointerMap, buildRevisionMap, readPointer, readRevision, withNote } from './records.ts';
import type { Pointer, Revision, RevisionNote } from './records.ts';
import type { ReleaseDeps, Session, Site } from './request.ts';

/** Number of revisions that are kept. */
const KEPT = 10;
const MAX_TRIES = 5;
/** The limit for a ConfigMap is 1 MiB. */
const MAX_BYTES = 1_000_000;

/** The records of a release. */
export interface ReleaseState {
  /** `null`: the release does not exist. */
  readonly pointer: Pointer | null;
  /** Oldest first. */
  readonly revisions: readonly Revision[];
}

const CONFIG_MAPS = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

type Outcome = KubeObject | 'conflict' | 'exists' | 'open';

export async function readState({ cluster }: ReleaseDeps, { release, namespace, signal }: Site): Promise<ReleaseState> {
  const maps = await cluster.listObjects({ ...CONFIG_MAPS, namespace }, `${STATE_LABEL},${RELEASE_LABEL}=${release}`, {
    signal,
  });
  return stateOf(maps);
}

function stateOf(maps: readonly KubeObject[]): ReleaseState {
  const pointer = maps.find((map) => isState(map, 'release'));
  const revisions = maps.filter((map) => isState(map, 'revision')).map(readRevision);
  return {
    pointer: pointer === undefined ? null : readPointer(pointer),
    revisions: revisions.toSorted((a, b) => a.revision - b.revision),
  };
}

/** The records of all releases in a namespace, by release. */
export async function readStates(
  { cluster }: ReleaseDeps,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReleaseState>> {
  const maps = await cluster.listObjects({ ...CONFIG_MAPS, namespace }, `${STATE_LABEL},${RELEASE_LABEL}`, { signal });
  const byRelease = Map.groupBy(maps, ({ metadata }) => metadata.labels?.[RELEASE_LABEL] ?? '');
  return new Map([...byRelease].map(([release, found]) => [release, stateOf(found)]));
}

function isState(map: KubeObject, state: string): boolean {
  return map.metadata.labels?.[STATE_LABEL] === state;
}

/** The pointers of all releases in a namespace. */
export async function listPointers(
  { cluster }: ReleaseDeps,
  namespace: string,
  signal: AbortSignal,
): Promise<Pointer[]> {
  const maps = await cluster.listObjects({ ...CONFIG_MAPS, namespace }, `${STATE_LABEL}=release`, { signal });
  return maps.map(readPointer);
}

export function revisionOf(state: ReleaseState, revision: number | null | undefined): Revision | undefined {
  return state.revisions.find((one) => one.revision === revision);
}

/** The revision that was last deployed successfully. */
export function currentOf(state: ReleaseState): Revision | undefined {
  return revisionOf(state, state.pointer?.current);
}

export function nextRevision(state: ReleaseState): number {
  return (
    Math.max(
      0,
      state.pointer?.current ?? 0,
      state.pointer?.pending ?? 0,
      ...state.revisions.map(({ revision }) => revision),
    ) + 1
  );
}

/** The pointer. Throws NotFoundError if the release does not exist. */
export function requireRelease(
  state: ReleaseState,
  { release, namespace }: Pick<Site, 'release' | 'namespace'>,
): Pointer {
  if (state.pointer !== null) return state.pointer;
  throw new NotFoundError(`There is no release "${release}" in namespace ${namespace}. GET / lists the releases.`);
}

export async function writePointer(session: Session, pointer: Pointer): Promise<void> {
  return writeMap(session, stateName(session.release), (found) => {
    const wanted = buildPointerMap(session.namespace, pointer);
    const isSame = found !== null && JSON.stringify(found['data']) === JSON.stringify(wanted['data']);
    return isSame ? null : wanted;
  });
}

/**
 * Writes a ConfigMap and retries conflicts and ambiguous errors: reads it, writes what `build` makes of it, and repeats
 * until a write succeeds or `build` returns `null`, which means that nothing is left to write.
 */
async function writeMap(
  session: Session,
  name: string,
  build: (found: KubeObject | null) => KubeObject | null,
): Promise<void> {
  const { deps, namespace, signal } = session;
  const { cluster } = deps;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const found = await cluster.getObject(mapRef(namespace, name), { signal });
    const wanted = build(found);
    if (wanted === null) return;
    await session.ensureLock();
    const resourceVersion = found?.metadata.resourceVersion;
    const outcome = await attempt(async () =>
      resourceVersion === undefined
        ? cluster.createObject(wanted, { signal })
        : cluster.replaceObject({ ...wanted, metadata: { ...wanted.metadata, resourceVersion } }, { signal }),
    );
    if (typeof outcome === 'object') return;
  }
  throw new ContentionError(
    `ConfigMap ${namespace}/${name} could not be written in ${MAX_TRIES} tries; repeat the call.`,
  );
}

function mapRef(namespace: string, name: string): ObjectRef {
  return { ...CONFIG_MAPS, namespace, name };
}

async function attempt(work: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await work();
  } catch (error) {
    // The next read shows whether the write was carried out.
    if (isAmbiguous(error)) return 'open';
    throw error;
  }
}

/** Records a new revision. Throws InvalidRequestError if it exceeds the size of a ConfigMap. */
export async function createRevision(session: Session, revision: Revision): Promise<void> {
  const map = buildRevisionMap(session.namespace, revision);
  if (Buffer.byteLength(JSON.stringify(map)) > MAX_BYTES) {
    throw new InvalidRequestError('The values and their objects exceed the limit for a revision (1 MB).', [
      { path: '', message: 'too large to be recorded' },
    ]);
  }
  await writeMap(session, revisionName(session.release, revision.revision), (found) => {
    if (found === null) return map;
    if (readRevision(found).requestId === revision.requestId) return null;
    throw new ContentionError(
      `Revision ${revision.revision} of ${session.release} was created by another call; repeat the call.`,
    );
  });
}

/** Records the end of a revision, or what is known of a pending one in case the call is killed. */
export async function noteRevision(session: Session, revision: number, note: RevisionNote): Promise<void> {
  return writeMap(session, revisionName(session.release, revision), (found) =>
    found === null ? null : withNote(found, note),
  );
}

/**
 * Deletes the oldest revisions beyond the ten that are kept, but never the current one and the one before it, which is
 * the default target of a rollback.
 */
export async function trimHistory(session: Session, state: ReleaseState): Promise<void> {
  function lastOf(wanted: Revision['status']): number | undefined {
    return state.revisions.findLast(({ status }) => status === wanted)?.revision;
  }
  const kept = [state.pointer?.current, lastOf('deployed'), lastOf('superseded')];
  const extra = state.revisions.slice(0, Math.max(0, state.revisions.length - KEPT));
  for (const { revision } of extra) {
    if (!kept.includes(revision)) await deleteMap(session, revisionName(session.release, revision));
  }
}

async function deleteMap({ deps, namespace, signal, ensureLock }: Session, name: string): Promise<void> {
  const found = await deps.cluster.getObject(mapRef(namespace, name), { signal });
  if (found?.metadata.uid === undefined) return;
  await ensureLock();
  await deps.cluster.deleteObject(mapRef(namespace, name), { uid: found.metadata.uid, signal });
}

/** Deletes every record of the release, the pointer last: as long as it exists, the uninstall can be repeated. */
export async function deleteRecords(session: Session, state: ReleaseState): Promise<void> {
  for (const { revision } of state.revisions) await deleteMap(session, revisionName(session.release, revision));
  await deleteMap(session, stateName(session.release));
}
