import type { KubeObject } from '../types.ts';
import type { StoreEvent } from './event.ts';

export interface History {
  add(event: StoreEvent): void;
  /** The newest resourceVersion whose successors are all still known: a watch can start there, not before. */
  oldest(): number;
  /** Changes of one resource after `resourceVersion`, oldest first; `null` when some of them are forgotten. */
  since(resource: string, resourceVersion: number): readonly StoreEvent[] | null;
  /** The objects of one resource as they were at `resourceVersion`; `null` when that is forgotten. */
  rewind(
    resource: string,
    current: ReadonlyMap<string, KubeObject>,
    resourceVersion: number,
  ): ReadonlyMap<string, KubeObject> | null;
}

/** Remembers the last `limit` changes, as etcd does until it compacts. `start` is the version at which memory begins. */
export function createHistory(start: number, limit: number): History {
  let events: StoreEvent[] = [];
  let oldest = start;

  function add(event: StoreEvent): void {
    events.push(event);
    if (events.length <= limit + limit / 4) return;
    const dropped = events.length - limit;
    oldest = events[dropped - 1]?.resourceVersion ?? oldest;
    events = events.slice(dropped);
  }

  function since(resource: string, resourceVersion: number): readonly StoreEvent[] | null {
    if (resourceVersion < oldest) return null;
    const first = firstAfter(events, resourceVersion);
    return events.slice(first).filter((event) => event.resource === resource);
  }

  const rewind: History['rewind'] = (resource, current, resourceVersion) => {
    const undone = since(resource, resourceVersion);
    if (undone === null) return null;
    const objects = new Map(current);
    for (const event of undone.toReversed()) {
      if (event.previous === undefined) objects.delete(event.key);
      else objects.set(event.key, event.previous);
    }
    return objects;
  };

  return { add, oldest: () => oldest, since, rewind };
}

function firstAfter(events: readonly StoreEvent[], resourceVersion: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.resourceVersion ?? 0) <= resourceVersion) low = middle + 1;
    else high = middle;
  }
  return low;
}
