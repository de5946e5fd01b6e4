import { applyObjects } from './apply.ts';
import type { Session } from './deps.ts';
import type { Evidence } from './evidence.ts';
import { collectEvidence } from './evidence.ts';
import { planObjects } from './plan.ts';
import { readLive } from './preflight.ts';
import { deleteItems, leftovers } from './prune.ts';
import type { Item, Revision } from './records.ts';
import { itemOf } from './records.ts';
import { awaitRollout } from './rollout.ts';

export type Restored =
  | { readonly kind: 'restored'; readonly items: readonly Item[]; readonly pruned: readonly Item[] }
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
  const plan = await planObjects(deps, session, objects, live, options.adopt);
  const applied = (await applyObjects(session, plan)).map(({ object }) => object);
  const rollout = { objects: applied };
  const wait = { waitSec: options.waitSec, between: session.ensureLock };
  const end = await awaitRollout(deps, session, rollout, wait);
  if (end.kind === 'failed') {
    return { kind: 'failed', reason: end.why, evidence: await collectEvidence(deps, session, end.look) };
  }
  const items = applied.map((object) => itemOf(object, session.namespace));
  const { deleted } = await deleteItems(session, leftovers(inventory, items));
  return { kind: 'restored', items, pruned: deleted };
}
