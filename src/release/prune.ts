import type { Session } from './deps.ts';
import { RELEASE_LABEL } from './manifests/labels.ts';
import type { Item } from './records.ts';
import { itemKey } from './records.ts';

export interface Pruned {
  readonly deleted: readonly Item[];
  /** Not ours any more: without our label, or another object of the name. */
  readonly spared: readonly Item[];
}

/** Of `old`, what is not in `kept`. */
export function leftovers(old: readonly Item[], kept: readonly Item[]): Item[] {
  const keys = new Set(kept.map(itemKey));
  return old.filter((item) => !keys.has(itemKey(item)));
}

/** Deletes those of `items` that carry the release's label and are the very objects that the inventory knows. */
export async function deleteItems(session: Session, items: readonly Item[]): Promise<Pruned> {
  const deleted: Item[] = [];
  const spared: Item[] = [];
  // Routes and Deployments go before the Services that they need.
  for (const item of items.toReversed()) {
    const outcome = await deleteItem(session, item);
    if (outcome === 'deleted') deleted.push(item);
    if (outcome === 'spared') spared.push(item);
  }
  return { deleted, spared };
}

async function deleteItem(session: Session, item: Item): Promise<'deleted' | 'spared' | 'absent'> {
  const { deps, release, signal } = session;
  const live = await deps.cluster.getObject(item, { signal });
  const uid = live?.metadata.uid;
  if (live === null || uid === undefined) return 'absent';
  const isOurs = live.metadata.labels?.[RELEASE_LABEL] === release && (item.uid === undefined || item.uid === uid);
  if (!isOurs) return 'spared';
  await session.ensureLock();
  return deps.cluster.deleteObject(item, { uid, signal });
}
