import type { Session } from './deps.ts';
import type { ReleaseState } from './history.ts';
import { endRevision, readState, writePointer } from './history.ts';
import type { Pointer, Revision } from './records.ts';

const INTERRUPTED = 'The call that made it ended before it was done.';

/**
 * Ends what a killed call left: its revision is marked `interrupted`, or its commit is finished where that was all that
 * was missing. Its inventory is merged already, so none of its objects is forgotten. Answers the state after that.
 */
export async function recover(
  session: Session,
): Promise<{ readonly state: ReleaseState; readonly wasInterrupted: boolean }> {
  const state = await readState(session.deps, session);
  const { pointer, revisions } = state;
  const after = pointer === null ? null : recovered(state, pointer);
  const current = after?.current ?? null;
  const isClean = revisions.every(
    ({ revision, status }) => status !== 'pending' && (status !== 'deployed' || revision === current),
  );
  if (isClean && pointer?.pending === after?.pending) return { state, wasInterrupted: false };
  await endOthers(session, revisions, current);
  if (after !== null && after !== pointer) await writePointer(session, after);
  return { state: await readState(session.deps, session), wasInterrupted: true };
}

function recovered(state: ReleaseState, pointer: Pointer): Pointer {
  const { pending } = pointer;
  if (pending === null) return pointer;
  return { ...pointer, current: isCommitted(state, pending) ? pending : pointer.current, pending: null };
}

/** A revision that is `deployed` while the pointer still says pending: only the end of the commit is missing. */
function isCommitted(state: ReleaseState, pending: number): boolean {
  return state.revisions.some(({ revision, status }) => revision === pending && status === 'deployed');
}

async function endOthers(session: Session, revisions: readonly Revision[], current: number | null): Promise<void> {
  const finishedAt = session.deps.launch.now().toISOString();
  for (const { revision, status, reason } of revisions) {
    if (revision === current) continue;
    // A reason is there where the call was killed while it undid what had failed.
    const told = reason === undefined ? INTERRUPTED : `${reason} ${INTERRUPTED}`;
    if (status === 'pending') await endRevision(session, revision, { status: 'interrupted', reason: told, finishedAt });
    if (status === 'deployed') await endRevision(session, revision, { status: 'superseded', finishedAt });
  }
}
