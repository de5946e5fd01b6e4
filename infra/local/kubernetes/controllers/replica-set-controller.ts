import { fieldsAt } from '../json.ts';
import { replicaSets } from '../resources/workloads.ts';
import { matcherOf } from '../selectors/label-selector.ts';
import type { StoreEvent } from '../store/event.ts';
import type { KubeObject } from '../types.ts';
import { controllerRefOf, inNamespace } from './claims.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { createWorkQueue } from './queue.ts';
import { syncReplicaSet } from './replica-set/sync.ts';
import { createTimers } from './timers.ts';

const key = 'replicasets.apps';
const firstRetryMs = 100;
const longestRetryMs = 60_000;

/** Keeps the wanted number of pods of each ReplicaSet. */
export function createReplicaSetController({ cluster, report }: ControllerContext): Controller {
  const failures = new Map<string, number>();
  const queue = createWorkQueue((id) => sync(id), report);
  const timers = createTimers((id) => queue.add(id));

  function sync(id: string): void {
    const set = cluster.get(key, id);
    if (set === undefined) {
      failures.delete(id);
      timers.clear(id);
      return;
    }
    const { hasFailed, lookAgainInMs } = cluster.store.transaction(() => syncReplicaSet(cluster, set));
    const failed = hasFailed ? (failures.get(id) ?? 0) + 1 : 0;
    failures.set(id, failed);
    const retryMs = hasFailed ? Math.min(longestRetryMs, firstRetryMs * 2 ** (failed - 1)) : undefined;
    const waits = [retryMs, lookAgainInMs].filter((wait) => wait !== undefined);
    if (waits.length > 0) timers.set(id, Math.min(...waits));
  }

  function considerPod(pod: KubeObject): void {
    const { namespace, labels = {} } = pod.metadata;
    const owner = controllerRefOf(pod);
    if (owner !== undefined) {
      if (owner.kind === 'ReplicaSet') queue.add(`${namespace}/${owner.name}`);
      return;
    }
    for (const set of inNamespace(cluster, replicaSets, namespace)) {
      if (matcherOf(fieldsAt(set, 'spec', 'selector'))(labels)) queue.add(`${namespace}/${set.metadata.name}`);
    }
  }

  function consider({ resource, key: id, object, previous }: StoreEvent): void {
    if (resource === key) queue.add(id);
    if (resource !== 'pods') return;
    if (previous !== undefined) considerPod(previous);
    considerPod(object);
  }

  const unsubscribe = cluster.store.subscribe(consider);
  for (const id of cluster.all(key).keys()) queue.add(id);
  return {
    close: () => {
      unsubscribe();
      queue.close();
      timers.close();
    },
  };
}
