import { ContentionError, DeadlineError, NotFoundError } from '../errors.ts';
import { createTimings } from './answer.ts';
import type { ReleaseAnswer, Timings } from './answer.ts';
import { deleteItems, isOurs } from './apply.ts';
import { recover } from './commit.ts';
import { InvalidReleaseError } from './errors.ts';
import { deleteRecords, readState } from './history.ts';
import { leaseOf, withLock } from './lock.ts';
import { RELEASE_LABEL } from './names.ts';
import { helmTakeover, releasedFields } from './ownership.ts';
import type { Item } from './records.ts';
import type { ReleaseDeps, Session, Site } from './request.ts';
import { releaseIssues } from './validate.ts';

const GONE_WITHIN_MS = 30_000;
const POLL_MS = 500;
const MAX_TRIES = 5;

export interface UninstallOptions {
  /** Keeps the objects and deletes only the records. */
  readonly keep?: boolean;
}

/**
 * Deletes the objects of the release, or gives them up (`keep`), and then its records, the pointer last, so that the same
 * call resumes after a kill. Throws NotFoundError if the release does not exist and BusyError while another call holds its
 * Lease.
 */
export async function uninstall(
  deps: ReleaseDeps,
  site: Site,
  requestedBy: string | undefined,
  { keep = false }: UninstallOptions = {},
): Promise<ReleaseAnswer> {
  const issues = releaseIssues(site);
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
  const timings = createTimings(deps.launch.now);
  await assertKnown(deps, site);
  const remove = keep ? giveUpAll : removeAll;
  return withLock(deps, site, { requestId: deps.newId(), requestedBy }, (session) => remove(session, timings));
}

async function assertKnown(deps: ReleaseDeps, site: Site): Promise<void> {
  const [state, lease] = await Promise.all([readState(deps, site), leaseOf(deps, site)]);
  if (state.pointer !== null || state.revisions.length > 0 || lease !== null) return;
  throw new NotFoundError(
    `There is no release "${site.release}" in namespace ${site.namespace}. GET / lists the releases.`,
  );
}

async function removeAll(session: Session, timings: Timings): Promise<ReleaseAnswer> {
  const { state } = await recover(session);
  const inventory = state.pointer?.inventory ?? [];
  const { deleted, spared } = await timings.step('deleteMs', () => deleteItems(session, inventory));
  const left = await awaitGone(session, deleted);
  await deleteRecords(session, state);
  return {
    outcome: 'uninstalled',
    objects: deleted.map(({ kind, name }) => ({ kind, name, action: 'pruned' })),
    notes: [],
    warnings: [
      ...spared.map(describe('no longer belongs to this release and was not deleted.')),
      ...left.map(describe('is still being deleted: a finalizer holds it.')),
    ],
    ...emptyAnswer(session, timings),
  };
}

function describe(what: string) {
  return ({ kind, name }: Item) => `${kind} ${name} ${what}`;
}

function emptyAnswer({ release, namespace }: Session, timings: Timings) {
  return { release, namespace, revision: null, diff: [], health: [], timings: timings.all() };
}

async function giveUpAll(session: Session, timings: Timings): Promise<ReleaseAnswer> {
  const { state } = await recover(session);
  const kept: Item[] = [];
  for (const item of state.pointer?.inventory ?? []) if (await giveUp(session, item)) kept.push(item);
  await deleteRecords(session, state);
  return {
    outcome: 'forgotten',
    objects: kept.map(({ kind, name }) => ({ kind, name, action: 'kept' })),
    notes: [helmTakeover(session.release, session.namespace)],
    warnings: [],
    ...emptyAnswer(session, timings),
  };
}

/** Removes our labels and our field manager from an object. Returns false if it is not the release's any more. */
async function giveUp(session: Session, item: Item): Promise<boolean> {
  const { deps, release, namespace, signal } = session;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const live = await deps.cluster.getObject(item, { signal });
    if (live === null || (item.uid !== undefined && live.metadata.uid !== item.uid)) return false;
    // Given up by an earlier call that was killed.
    if (live.metadata.labels?.[RELEASE_LABEL] !== release) return true;
    const { labels = {}, managedFields = [] } = releasedFields(live);
    await session.ensureLock();
    const done = await deps.cluster.replaceManagedFields(live, managedFields, { labels, signal });
    if (done !== 'conflict') return true;
  }
  throw new ContentionError(
    `${item.kind} ${namespace}/${item.name} changes too often to be given up; repeat the call.`,
  );
}

/** Waits for the deletions, which finalizers can delay. Returns the items that still exist. */
async function awaitGone(session: Session, items: readonly Item[]): Promise<readonly Item[]> {
  const { deps, signal } = session;
  const endsAtMs = deps.launch.now().getTime() + GONE_WITHIN_MS;
  for (let left = items; ;) {
    const found = await Promise.all(left.map((item) => deps.cluster.getObject(item, { signal })));
    left = left.filter(
      (item, index) =>
        found[index]?.metadata.uid !== undefined &&
        found[index]?.metadata.uid === (item.uid ?? found[index]?.metadata.uid),
    );
    if (left.length === 0 || deps.launch.now().getTime() >= endsAtMs) return left;
    if (signal.aborted) throw new DeadlineError('The request’s deadline passed while the objects were being deleted.');
    await session.ensureLock();
    await deps.launch.wait(POLL_MS, signal);
  }
}

/** What `uninstall` would delete. Throws NotFoundError. */
export async function planUninstall(
  deps: ReleaseDeps,
  site: Site,
  { keep = false }: UninstallOptions = {},
): Promise<ReleaseAnswer> {
  const action = keep ? 'kept' : 'pruned';
  const timings = createTimings(deps.launch.now);
  await assertKnown(deps, site);
  const { release, namespace, signal } = site;
  const { pointer } = await readState(deps, site);
  const live = await Promise.all(
    (pointer?.inventory ?? []).map(async (item) => ({ item, object: await deps.cluster.getObject(item, { signal }) })),
  );
  const found = live.flatMap(({ item, object }) =>
    object === null ? [] : [{ item, isOurs: isOurs(item, object, release) }],
  );
  return {
    outcome: 'dry-run',
    release,
    namespace,
    revision: pointer?.current ?? null,
    objects: found.flatMap(({ item: { kind, name }, isOurs: ours }) => (ours ? [{ kind, name, action }] : [])),
    diff: [],
    notes: [],
    warnings: found.flatMap(({ item: { kind, name }, isOurs: ours }) =>
      ours ? [] : [`${kind} ${name} no longer belongs to this release and would not be deleted.`],
    ),
    health: [],
    timings: timings.all(),
  };
}
