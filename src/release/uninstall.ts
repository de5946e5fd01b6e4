import { DeadlineError, NotFoundError } from '../errors.ts';
import { createTimings } from './answer.ts';
import type { ReleaseAnswer } from './answer.ts';
import { deleteItems } from './apply.ts';
import { recover } from './commit.ts';
import { InvalidReleaseError } from './errors.ts';
import { deleteRecords, readState } from './history.ts';
import { leaseOf, withLock } from './lock.ts';
import type { Item } from './records.ts';
import type { ReleaseDeps, Session, Site } from './request.ts';
import { releaseIssues } from './validate.ts';

const GONE_WITHIN_MS = 30_000;
const POLL_MS = 500;

/**
 * Deletes the objects of the release and then its records, the pointer last, so that the same call resumes after a kill.
 * Throws NotFoundError if the release does not exist and BusyError while another call holds its Lease.
 */
export async function uninstall(
  deps: ReleaseDeps,
  site: Site,
  requestedBy: string | undefined,
): Promise<ReleaseAnswer> {
  const issues = releaseIssues(site.release, []);
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
  const timings = createTimings(deps.launch.now);
  await assertKnown(deps, site);
  return withLock(deps, site, { requestId: deps.newId(), requestedBy }, (session) => removeAll(session, timings));
}

async function assertKnown(deps: ReleaseDeps, site: Site): Promise<void> {
  const [state, lease] = await Promise.all([readState(deps, site), leaseOf(deps, site)]);
  if (state.pointer !== null || state.revisions.length > 0 || lease !== null) return;
  throw new NotFoundError(
    `There is no release "${site.release}" in namespace ${site.namespace}. GET / lists the releases.`,
  );
}

async function removeAll(session: Session, timings: ReturnType<typeof createTimings>): Promise<ReleaseAnswer> {
  const { state } = await recover(session);
  const inventory = state.pointer?.inventory ?? [];
  const { deleted, spared } = await timings.step('deleteMs', () => deleteItems(session, inventory));
  const left = await awaitGone(session, deleted);
  await deleteRecords(session, state);
  function describe(what: string) {
    return ({ kind, name }: Item) => `${kind} ${name} ${what}`;
  }
  return {
    outcome: 'uninstalled',
    release: session.release,
    namespace: session.namespace,
    revision: null,
    objects: deleted.map(({ kind, name }) => ({ kind, name, action: 'pruned' })),
    diff: [],
    notes: [],
    warnings: [
      ...spared.map(describe('no longer belongs to this release and was not deleted.')),
      ...left.map(describe('is still being deleted: a finalizer holds it.')),
    ],
    health: [],
    timings: timings.all(),
  };
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
