import { recover } from './commit.ts';
import { BusyError } from './errors.ts';
import { readState, revisionOf } from './history.ts';
import { cancelHolder, withLock } from './lock.ts';
import type { RevisionStatus } from './records.ts';
import type { ReleaseDeps, Site } from './request.ts';

export interface CancelAnswer {
  /** `ended`: the call had completed before it noticed. */
  readonly outcome: 'cancelled' | 'ended';
  readonly release: string;
  readonly namespace: string;
  readonly holder: string;
  /** The revision that the call had recorded, and what became of it; `null` if it had recorded none. */
  readonly revision: { readonly revision: number; readonly status: RevisionStatus } | null;
  readonly notes: readonly string[];
}

/**
 * Cancels the running call of a release. The call stops before its next write, and its revision is recorded as
 * `interrupted`; the objects stay as they are. If the call was killed, its Lease is awaited, and its state recorded here.
 * Throws NotFoundError if no call is running.
 */
export async function cancelOperation(
  deps: ReleaseDeps,
  site: Site,
  requestedBy: string | undefined,
): Promise<CancelAnswer> {
  const before = await readState(deps, site);
  const by = requestedBy ?? 'a call without an identity';
  const holder = await cancelHolder(deps, site, by);
  await recordFor(deps, site, by);
  const after = await readState(deps, site);
  const last = after.revisions.at(-1);
  const known = revisionOf(before, last?.revision);
  const its = last !== undefined && (known === undefined || known.status === 'pending') ? last : undefined;
  const isEnded = its !== undefined && its.status !== 'interrupted';
  const current = after.pointer?.current ?? null;
  const back =
    current === null
      ? `DELETE /${site.release} removes the objects`
      : `POST /${site.release}/rollback?revision=${current} restores revision ${current}`;
  return {
    outcome: isEnded ? 'ended' : 'cancelled',
    release: site.release,
    namespace: site.namespace,
    holder,
    revision: its === undefined ? null : { revision: its.revision, status: its.status },
    notes: isEnded || its === undefined ? [] : [`The objects are as the call left them; ${back}.`],
  };
}

/** Records the state of a call that was killed before it could. Another call that has begun meanwhile does it itself. */
async function recordFor(deps: ReleaseDeps, site: Site, by: string): Promise<void> {
  const { pointer, revisions } = await readState(deps, site);
  const isPending = pointer !== null && pointer.pending !== null;
  if (!isPending && revisions.every(({ status }) => status !== 'pending')) return;
  try {
    await withLock(deps, site, { requestId: deps.newId() }, (session) => recover(session, `Cancelled by ${by}.`));
  } catch (error) {
    if (!(error instanceof BusyError)) throw error;
  }
}
