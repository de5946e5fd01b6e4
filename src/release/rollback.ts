import { AppError } from '../errors.ts';
import { applyObjects, deleteItems, planObjects, readLive } from './apply.ts';
import { BusyError, CancelledError } from './errors.ts';
import type { Item, Revision } from './records.ts';
import type { TakenField } from './diff.ts';
import { itemOf, leftovers } from './records.ts';
import type { Session } from './request.ts';
import type { Evidence } from './rollout.ts';
import { awaitRollout, collectEvidence } from './rollout.ts';

export type Restored =
  | { readonly kind: 'restored'; readonly items: readonly Item[]; readonly taken: readonly TakenField[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly evidence: readonly Evidence[] };

export interface RestoreOptions {
  readonly waitSec: number;
  /** The target is what was found before an adoption. */
  readonly adopt: boolean;
}

const RESTORE_TRIES = 3;
const RESTORE_PAUSE_MS = 2_000;

/**
 * Restores the objects of the target revision, waits until they are ready, and deletes what the failed revision
 * created; without a target everything in the inventory is deleted. Every step can be repeated, so a transient error is
 * retried. Throws only what must stop the call (`mustStop`).
 */
export async function restore(
  session: Session,
  target: Revision | undefined,
  inventory: readonly Item[],
  options: RestoreOptions,
): Promise<Restored> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await restoreOnce(session, target, inventory, options);
    } catch (error) {
      if (mustStop(session, error) || !(error instanceof AppError)) throw error;
      if (!error.retryable || tries >= RESTORE_TRIES) return { kind: 'failed', reason: error.message, evidence: [] };
      await session.deps.launch.wait(RESTORE_PAUSE_MS, session.signal);
    }
  }
}

/** Whether the call must stop without cleaning up: the Lease is lost or the time has run out. The next call resumes. */
export function mustStop(session: Session, error: unknown): boolean {
  const isOver = error instanceof BusyError || error instanceof CancelledError;
  return !(error instanceof AppError) || isOver || session.signal.aborted;
}

async function restoreOnce(
  session: Session,
  target: Revision | undefined,
  inventory: readonly Item[],
  { waitSec, adopt }: RestoreOptions,
): Promise<Restored> {
  const { deps } = session;
  const wanted = target?.objects ?? [];
  const live = await readLive(deps, session, wanted);
  // Forced: a change by another client must not block the rollback.
  const plan = await planObjects(deps, session, wanted, live, { adopt, force: true });
  const applied = await applyObjects(session, plan);
  const objects = applied.map(({ object }) => object);
  const end = await awaitRollout(deps, session, objects, { waitSec, between: session.ensureLock });
  if (end.kind === 'failed') {
    return { kind: 'failed', reason: end.why, evidence: await collectEvidence(deps, session, end.observation) };
  }
  const items = objects.map((object) => itemOf(object, session.namespace));
  await deleteItems(session, leftovers(inventory, items));
  return { kind: 'restored', items, taken: applied.flatMap(({ taken }) => taken) };
}
