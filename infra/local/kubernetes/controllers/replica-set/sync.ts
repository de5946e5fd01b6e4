import type { Cluster } from '../../cluster.ts';
import { fieldsAt, numberAt } from '../../json.ts';
import { updateObject, withStatus } from '../../operations/update.ts';
import { pods } from '../../resources/pods.ts';
import { replicaSets } from '../../resources/workloads.ts';
import { matcherOf } from '../../selectors/label-selector.ts';
import type { KubeObject } from '../../types.ts';
import { claim, controllerRefOf, inNamespace, isControlledBy } from '../claims.ts';
import { hasEnded, untilAvailableMs } from '../pod-state.ts';
import { createPods, deletePods } from './manage.ts';
import { podsToDelete } from './pods-to-delete.ts';
import { buildReplicaSetStatus, minReadySecondsOf } from './status.ts';

export interface Synced {
  /** Pods could not be created: try again later. */
  readonly hasFailed: boolean;
  /** When a ready pod comes to count as available. */
  readonly lookAgainInMs: number | undefined;
}

/** One step of the ReplicaSet controller: syncReplicaSet of pkg/controller/replicaset/replica_set.go. */
export function syncReplicaSet(cluster: Cluster, set: KubeObject): Synced {
  const matches = matcherOf(fieldsAt(set, 'spec', 'selector'));
  function isActive(pod: KubeObject): boolean {
    return !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined;
  }
  const active = claim(cluster, set, { resource: pods, matches, isCandidate: isActive });
  const terminating = inNamespace(cluster, pods, set.metadata.namespace).filter(
    (pod) => isControlledBy(pod, set) && !hasEnded(pod) && pod.metadata.deletionTimestamp !== undefined,
  );
  const failure = set.metadata.deletionTimestamp === undefined ? manageReplicas(cluster, set, active) : undefined;
  const now = cluster.now();
  const status = buildReplicaSetStatus(set, { active, terminating }, failure, now);
  updateObject(cluster, replicaSets, set.metadata.namespace, set.metadata.name, withStatus(status), {
    manager: 'kube-controller-manager',
    dryRun: false,
    subresource: 'status',
  });
  const waits = active
    .map((pod) => untilAvailableMs(pod, minReadySecondsOf(set), now.getTime()))
    .filter((wait): wait is number => wait !== undefined && wait > 0);
  return { hasFailed: failure !== undefined, lookAgainInMs: waits.length === 0 ? undefined : Math.min(...waits) };
}

/** Returns why pods could not be created. */
function manageReplicas(cluster: Cluster, set: KubeObject, active: readonly KubeObject[]): string | undefined {
  const surplus = active.length - (numberAt(set, 'spec', 'replicas') ?? 1);
  if (surplus < 0) return createPods(cluster, set, -surplus);
  if (surplus > 0) {
    const related = relatedPods(cluster, set);
    deletePods(cluster, set, podsToDelete(active, related, surplus, cluster.now().getTime()));
  }
  return undefined;
}

/** The active pods of all ReplicaSets that have the same controller. */
function relatedPods(cluster: Cluster, set: KubeObject): readonly KubeObject[] {
  const owner = controllerRefOf(set)?.uid;
  const sets = inNamespace(cluster, replicaSets, set.metadata.namespace).filter(
    (each) => each.metadata.uid === set.metadata.uid || (owner !== undefined && controllerRefOf(each)?.uid === owner),
  );
  const uids = new Set(sets.map((each) => each.metadata.uid));
  return inNamespace(cluster, pods, set.metadata.namespace).filter(
    (pod) =>
      uids.has(controllerRefOf(pod)?.uid ?? '') && !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined,
  );
}
