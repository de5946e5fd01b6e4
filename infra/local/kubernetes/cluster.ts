import type { ClusterView } from './resources/resource.ts';
import type { Store } from './store/store.ts';

/** The store and the clock, which every operation uses. */
export interface Cluster extends ClusterView {
  readonly store: Store;
}

export function createCluster(store: Store, now: () => Date): Cluster {
  return {
    store,
    now,
    get: (resource, key) => store.get(resource, key),
    all: (resource) => store.all(resource),
  };
}
