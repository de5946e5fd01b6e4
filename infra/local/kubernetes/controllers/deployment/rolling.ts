import type { KubeObject } from '../../types.ts';
import { boundsOf } from './bounds.ts';
import { setsOf } from './sets.ts';
import { byAge, countAt, isActiveSet, isRolling, replicasOf, totalOf, totalReplicas } from './views.ts';
import { scaleReplicaSet } from './writes.ts';
import type { Rollout } from './writes.ts';

/** The number of pods that the newest ReplicaSet may have next to `all`: NewRSNewReplicas. */
export function wantedReplicas(deployment: KubeObject, all: readonly KubeObject[], present: number): number {
  const wanted = replicasOf(deployment);
  if (!isRolling(deployment)) return wanted;
  const room = wanted + boundsOf(deployment).maxSurge - totalReplicas(all);
  return room <= 0 ? present : present + Math.min(room, wanted - present);
}

/** One step of a rolling update: rolloutRolling of pkg/controller/deployment/rolling.go. Returns whether it did one. */
export function stepRolling(rollout: Rollout): boolean {
  return growNew(rollout) || shrinkOld(rollout);
}

function growNew(rollout: Rollout): boolean {
  const deployment = rollout.deployment();
  const { current, all } = setsOf(rollout);
  if (current === undefined) return false;
  const wanted = replicasOf(deployment);
  const present = replicasOf(current);
  if (present === wanted) return false;
  const next = present > wanted ? wanted : wantedReplicas(deployment, all, present);
  return next !== present && scaleReplicaSet(rollout, current, next);
}

/** Old pods go as far as enough others are available; those that are unhealthy go first. */
function shrinkOld(rollout: Rollout): boolean {
  const { current, old, all } = setsOf(rollout);
  if (current === undefined || totalReplicas(old) === 0) return false;
  const minAvailable = minAvailableOf(rollout.deployment());
  const newUnavailable = replicasOf(current) - countAt(current, 'availableReplicas');
  const most = totalReplicas(all) - minAvailable - newUnavailable;
  if (most <= 0) return false;
  const unhealthy = cleanUpUnhealthy(rollout, most);
  const healthy = shrinkHealthy(rollout, minAvailable);
  return unhealthy + healthy > 0;
}

function minAvailableOf(deployment: KubeObject): number {
  return replicasOf(deployment) - boundsOf(deployment).maxUnavailable;
}

function cleanUpUnhealthy(rollout: Rollout, most: number): number {
  let done = 0;
  for (const set of activeOld(rollout)) {
    const unavailable = replicasOf(set) - countAt(set, 'availableReplicas');
    const count = Math.min(most - done, unavailable);
    if (count <= 0) continue;
    scaleReplicaSet(rollout, set, replicasOf(set) - count);
    done += count;
  }
  return done;
}

function activeOld(rollout: Rollout): readonly KubeObject[] {
  return setsOf(rollout).old.filter(isActiveSet).toSorted(byAge);
}

function shrinkHealthy(rollout: Rollout, minAvailable: number): number {
  const most = totalOf(setsOf(rollout).all, 'availableReplicas') - minAvailable;
  let done = 0;
  for (const set of activeOld(rollout)) {
    const count = Math.min(most - done, replicasOf(set));
    if (count <= 0) break;
    scaleReplicaSet(rollout, set, replicasOf(set) - count);
    done += count;
  }
  return done;
}
