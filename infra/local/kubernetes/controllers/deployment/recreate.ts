import { pods } from '../../resources/pods.ts';
import { controllerRefOf, inNamespace } from '../claims.ts';
import { hasEnded } from '../pod-state.ts';
import { createCurrentSet } from './new-set.ts';
import { setsOf } from './sets.ts';
import { isActiveSet, replicasOf, totalOf } from './views.ts';
import { scaleReplicaSet } from './writes.ts';
import type { Rollout } from './writes.ts';

/**
 * One step of a Recreate update: new pods are created once the last old one has ended (rolloutRecreate of
 * pkg/controller/deployment/recreate.go). Returns whether the update still waits for that.
 */
export function stepRecreate(rollout: Rollout): boolean {
  const running = setsOf(rollout).old.filter(isActiveSet);
  for (const set of running) scaleReplicaSet(rollout, set, 0);
  if (running.length > 0 || hasOldPods(rollout)) return true;
  if (setsOf(rollout).current === undefined && !createCurrentSet(rollout)) return true;
  const { current } = setsOf(rollout);
  const wanted = replicasOf(rollout.deployment());
  if (current !== undefined && replicasOf(current) !== wanted) scaleReplicaSet(rollout, current, wanted);
  return false;
}

function hasOldPods(rollout: Rollout): boolean {
  const { old } = setsOf(rollout);
  if (totalOf(old, 'replicas') > 0) return true;
  const uids = new Set(old.map((set) => set.metadata.uid));
  return inNamespace(rollout.cluster, pods, rollout.deployment().metadata.namespace).some(
    (pod) => uids.has(controllerRefOf(pod)?.uid ?? '') && !hasEnded(pod),
  );
}
