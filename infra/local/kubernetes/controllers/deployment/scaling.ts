import type { KubeObject } from '../../types.ts';
import { boundsOf } from './bounds.ts';
import { setsOf } from './sets.ts';
import type { Sets } from './sets.ts';
import {
  annotatedCount,
  annotations,
  byAge,
  countAt,
  isActiveSet,
  isRolling,
  replicasOf,
  totalReplicas,
} from './views.ts';
import { scaleReplicaSet } from './writes.ts';
import type { Rollout } from './writes.ts';

/** Whether the Deployment's size was changed since its ReplicaSets were last scaled for it. */
export function isScalingEvent(rollout: Rollout): boolean {
  const wanted = replicasOf(rollout.deployment());
  return setsOf(rollout)
    .all.filter(isActiveSet)
    .some((set) => {
      const known = annotatedCount(set, annotations.desiredReplicas);
      return known !== undefined && known !== wanted;
    });
}

/**
 * Spreads a new size over the ReplicaSets, in the middle of an update over all of them in proportion: scaling only
 * one of them would speed up the update or revert it (scale of pkg/controller/deployment/sync.go).
 */
export function applyScale(rollout: Rollout): void {
  const deployment = rollout.deployment();
  const sets = setsOf(rollout);
  const only = activeOrLatest(sets);
  if (only !== undefined) {
    if (replicasOf(only) !== replicasOf(deployment)) scaleReplicaSet(rollout, only, replicasOf(deployment));
    return;
  }
  if (isSaturated(deployment, sets.current)) {
    for (const old of sets.old.filter(isActiveSet)) scaleReplicaSet(rollout, old, 0);
    return;
  }
  if (isRolling(deployment)) scaleInProportion(rollout, sets.all.filter(isActiveSet));
}

function activeOrLatest({ current, old, all }: Sets): KubeObject | undefined {
  const active = all.filter(isActiveSet);
  if (active.length === 0) return current ?? old.at(-1);
  return active.length === 1 ? active[0] : undefined;
}

/** Whether all wanted pods belong to this ReplicaSet and are available. */
function isSaturated(deployment: KubeObject, set: KubeObject | undefined): boolean {
  const wanted = replicasOf(deployment);
  return (
    set !== undefined &&
    replicasOf(set) === wanted &&
    annotatedCount(set, annotations.desiredReplicas) === wanted &&
    countAt(set, 'availableReplicas') === wanted
  );
}

function scaleInProportion(rollout: Rollout, active: readonly KubeObject[]): void {
  const deployment = rollout.deployment();
  const wanted = replicasOf(deployment);
  const allowed = wanted > 0 ? wanted + boundsOf(deployment).maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  // Of two of one size, the newer grows first and the older shrinks first.
  const age = toAdd > 0 ? (a: KubeObject, b: KubeObject): number => byAge(b, a) : byAge;
  const sorted = active.toSorted((a, b) => replicasOf(b) - replicasOf(a) || age(a, b));
  let added = 0;
  const sizes = sorted.map((set) => {
    const share = toAdd === 0 ? 0 : shareOf(deployment, set, toAdd - added, toAdd > 0);
    added += share;
    return replicasOf(set) + share;
  });
  for (const [index, set] of sorted.entries()) {
    const size = (sizes[index] ?? 0) + (index === 0 ? toAdd - added : 0);
    scaleReplicaSet(rollout, set, Math.max(0, size));
  }
}

/** GetReplicaSetProportion of pkg/controller/deployment/util. */
function shareOf(deployment: KubeObject, set: KubeObject, left: number, isGrowing: boolean): number {
  const fraction = fractionOf(deployment, set);
  return isGrowing ? Math.min(fraction, left) : Math.max(fraction, left);
}

function fractionOf(deployment: KubeObject, set: KubeObject): number {
  const size = replicasOf(set);
  const wanted = replicasOf(deployment);
  if (wanted === 0) return -size;
  const before = annotatedCount(set, annotations.maxReplicas) || countAt(deployment, 'replicas');
  if (before === 0) return 0;
  return Math.round((size * (wanted + boundsOf(deployment).maxSurge)) / before) - size;
}
