import { applyObjects } from './apply.ts';
import type { Session } from './deps.ts';
import type { Evidence } from './evidence.ts';
import { collectEvidence } from './evidence.ts';
import { planObjects } from './plan.ts';
import { readLive } from './preflight.ts';
import { deleteItems, leftovers } from './prune.ts';
import type { Item, Revision, TakenField } from './records.ts';
import { itemOf } from './records.ts';
import { awaitRollout } from './rollout.ts';

export type Restored =
  | { readonly kind: 'restored'; readonly items: readonly Item[]; readonly taken: readonly TakenField[] }
  | { readonly kind: 'failed'; readonly reason: string; readonly evidence: readonly Evidence[] };

/**
 * Makes the release what its last deployed revision was, waits for it, and deletes what the failed run made; without
 * such a revision everything that was made goes. Throws what the API server refuses.
 */
export async function restore(
  session: Session,
  target: Revision | undefined,
  inventory: readonly Item[],
  options: { readonly waitSec: number; readonly adopt: boolean },
): Promise<Restored> {
  const { deps } = session;
  const objects = target?.objects ?? [];
  const live = await readLive(deps, session, objects);
  // What another client changed meanwhile must not keep the release from coming back.
  const plan = await planObjects(deps, session, objects, live, { adopt: options.adopt, force: true });
  const done = await applyObjects(session, plan);
  const applied = done.map(({ object }) => object);
  const rollout = { objects: applied };
  const wait = { waitSec: options.waitSec, between: session.ensureLock };
  const end = await awaitRollout(deps, session, rollout, wait);
  if (end.kind === 'failed') {
    return { kind: 'failed', reason: end.why, evidence: await collectEvidence(deps, session, end.look) };
  }
  const items = applied.map((object) => itemOf(object, session.namespace));
  await deleteItems(session, leftovers(inventory, items));
  return { kind: 'restored', items, taken: done.flatMap(({ taken }) => taken) };
}
