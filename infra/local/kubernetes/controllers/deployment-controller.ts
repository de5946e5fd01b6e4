import { fieldsAt } from '../json.ts';
import { deployments } from '../resources/workloads.ts';
import { matcherOf } from '../selectors/label-selector.ts';
import type { StoreEvent } from '../store/event.ts';
import type { KubeObject } from '../types.ts';
import { controllerRefOf, inNamespace } from './claims.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { syncDeployment } from './deployment/sync.ts';
import { createWorkQueue } from './queue.ts';
import { createTimers } from './timers.ts';

const key = 'deployments.apps';
const setKey = 'replicasets.apps';

/** Rolls out Deployments: makes a ReplicaSet of each template, and moves the pods from the old ones to it. */
export function createDeploymentController({ cluster, report }: ControllerContext): Controller {
  const queue = createWorkQueue((id) => sync(id), report);
  const timers = createTimers((id) => queue.add(id));

  function sync(id: string): void {
    timers.clear(id);
    const deployment = cluster.get(key, id);
    if (deployment === undefined) return;
    const waitMs = cluster.store.transaction(() => syncDeployment(cluster, deployment));
    if (waitMs !== undefined) timers.set(id, waitMs);
  }

  function considerSet(set: KubeObject): void {
    const { namespace, labels = {} } = set.metadata;
    const owner = controllerRefOf(set);
    if (owner !== undefined) {
      if (owner.kind === 'Deployment') queue.add(`${namespace}/${owner.name}`);
      return;
    }
    for (const deployment of inNamespace(cluster, deployments, namespace)) {
      if (matcherOf(fieldsAt(deployment, 'spec', 'selector'))(labels))
        queue.add(`${namespace}/${deployment.metadata.name}`);
    }
  }

  /** With Recreate, an update continues when the last old pod has ended. */
  function considerPod(pod: KubeObject): void {
    const owner = controllerRefOf(pod);
    if (owner?.kind !== 'ReplicaSet') return;
    const set = cluster.get(setKey, `${pod.metadata.namespace}/${owner.name}`);
    if (set !== undefined && set.metadata.uid === owner.uid) considerSet(set);
  }

  function consider({ resource, key: id, object, previous, type }: StoreEvent): void {
    if (resource === key) queue.add(id);
    if (resource === setKey) {
      if (previous !== undefined) considerSet(previous);
      considerSet(object);
    }
    if (resource === 'pods' && type !== 'ADDED') considerPod(object);
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
