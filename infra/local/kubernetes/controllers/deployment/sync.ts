import type { Cluster } from '../../cluster.ts';
import { fieldsAt, objectsAt } from '../../json.ts';
import { removeObject } from '../../operations/remove.ts';
import { replicaSets } from '../../resources/workloads.ts';
import type { KubeObject } from '../../types.ts';
import { findCondition } from '../conditions.ts';
import { createCurrentSet, syncCurrentSet } from './new-set.ts';
import { syncCounts, syncRolloutStatus, untilLateMs } from './progress.ts';
import { stepRecreate } from './recreate.ts';
import { stepRolling } from './rolling.ts';
import { applyScale, isScalingEvent } from './scaling.ts';
import { claimSets, setsOf } from './sets.ts';
import { isComplete } from './status.ts';
import {
  byAge,
  countAt,
  historyLimitOf,
  isPaused,
  isRolling,
  progressDeadlineOf,
  replicasOf,
  revisionOf,
} from './views.ts';
import { createRollout, writeCondition } from './writes.ts';
import type { Rollout } from './writes.ts';

/**
 * One step of the Deployment controller: syncDeployment of pkg/controller/deployment/deployment_controller.go. Every
 * write triggers the next step. Returns the delay in ms before a reconcile without a trigger.
 */
export function syncDeployment(cluster: Cluster, stored: KubeObject): number | undefined {
  const rollout = createRollout(cluster, stored);
  claimSets(rollout);
  if (stored.metadata.deletionTimestamp !== undefined) {
    syncCurrentSet(rollout);
    syncCounts(rollout);
    return undefined;
  }
  notePause(rollout);
  syncCurrentSet(rollout);
  if (isPaused(stored) || isScalingEvent(rollout)) {
    applyScale(rollout);
    if (isPaused(stored)) forgetOldSets(rollout);
    syncCounts(rollout);
    return undefined;
  }
  rollOut(rollout);
  return untilLateMs(rollout.deployment(), cluster.now());
}

/** A pause stops the deadline, and its end restarts it. */
function notePause(rollout: Rollout): void {
  const deployment = rollout.deployment();
  const before = findCondition(objectsAt(deployment, 'status', 'conditions'), 'Progressing');
  if (progressDeadlineOf(deployment) === undefined || before?.['reason'] === 'ProgressDeadlineExceeded') return;
  const wasPaused = before?.['reason'] === 'DeploymentPaused';
  if (isPaused(deployment) === wasPaused) return;
  const [reason, message] = wasPaused
    ? ['DeploymentResumed', 'Deployment is resumed']
    : ['DeploymentPaused', 'Deployment is paused'];
  writeCondition(rollout, { type: 'Progressing', status: 'Unknown', reason, message });
}

/** Deletes the oldest empty ReplicaSets beyond revisionHistoryLimit. */
function forgetOldSets(rollout: Rollout): void {
  const limit = historyLimitOf(rollout.deployment());
  if (limit === undefined) return;
  const old = setsOf(rollout)
    .old.filter((set) => set.metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b));
  for (const set of old.slice(0, Math.max(0, old.length - limit))) {
    const isBusy =
      countAt(set, 'replicas') !== 0 ||
      replicasOf(set) !== 0 ||
      (set.metadata.generation ?? 0) > countAt(set, 'observedGeneration');
    if (isBusy) continue;
    removeObject(rollout.cluster, replicaSets, set.metadata.namespace, set.metadata.name, { dryRun: false });
  }
}

function rollOut(rollout: Rollout): void {
  const isWaiting = isRolling(rollout.deployment()) ? rollForward(rollout) : stepRecreate(rollout);
  const deployment = rollout.deployment();
  if (!isWaiting && isComplete(deployment, fieldsAt(deployment, 'status'))) forgetOldSets(rollout);
  syncRolloutStatus(rollout);
}

function rollForward(rollout: Rollout): boolean {
  if (setsOf(rollout).current === undefined && !createCurrentSet(rollout)) return true;
  return stepRolling(rollout);
}
