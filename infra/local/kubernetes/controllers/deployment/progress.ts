import { fieldsAt, objectsAt, stringAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import { formatTime } from '../../schema/time.ts';
import type { KubeObject } from '../../types.ts';
import { findCondition, stamped, withDeploymentCondition, withoutCondition } from '../conditions.ts';
import type { Condition } from '../conditions.ts';
import { setsOf } from './sets.ts';
import type { Sets } from './sets.ts';
import { buildDeploymentStatus, hasProgressed, isComplete, replicaFailure } from './status.ts';
import { progressDeadlineOf } from './views.ts';
import { writeStatus } from './writes.ts';
import type { Rollout } from './writes.ts';

/** Only the counts: progress has no meaning while the Deployment is being scaled, paused or deleted. */
export function syncCounts(rollout: Rollout): void {
  return writeStatus(rollout, buildDeploymentStatus(rollout.deployment(), setsOf(rollout), rollout.cluster.now()));
}

/**
 * The status in the middle of an update: counts, progress and failures (syncRolloutStatus of
 * pkg/controller/deployment/progress.go).
 */
export function syncRolloutStatus(rollout: Rollout): void {
  const deployment = rollout.deployment();
  const sets = setsOf(rollout);
  const now = rollout.cluster.now();
  const status = buildDeploymentStatus(deployment, sets, now);
  const progressed = withProgress(deployment, sets, status, now);
  const failure = replicaFailure(sets);
  const before = findCondition(progressed, 'ReplicaFailure');
  const isTold = before?.['status'] === failure?.['status'] && before?.['reason'] === failure?.['reason'];
  const others = withoutCondition(progressed, 'ReplicaFailure');
  const conditions = failure === undefined ? others : isTold ? progressed : [...others, failure];
  writeStatus(rollout, { ...status, conditions });
}

function withProgress(deployment: KubeObject, sets: Sets, status: Fields, now: Date): readonly Fields[] {
  const conditions = objectsAt(status, 'conditions');
  const before = findCondition(objectsAt(deployment, 'status', 'conditions'), 'Progressing');
  if (progressDeadlineOf(deployment) === undefined) return withoutCondition(conditions, 'Progressing');
  const wasComplete = before?.['reason'] === 'NewReplicaSetAvailable';
  if (wasComplete && status['replicas'] === status['updatedReplicas']) return conditions;
  const subject =
    sets.current === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${sets.current.metadata.name}"`;
  const time = formatTime(now);
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return withDeploymentCondition(conditions, progressing('True', 'NewReplicaSetAvailable', message), time);
  }
  if (hasProgressed(deployment, status)) {
    // Updated although its reason is the same, because the deadline counts from the last progress.
    const condition = progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`);
    return [...withoutCondition(conditions, 'Progressing'), stamped(condition, before, time)];
  }
  if (!hasTimedOut(deployment, now)) return conditions;
  const message = `${subject} has timed out progressing.`;
  return withDeploymentCondition(conditions, progressing('False', 'ProgressDeadlineExceeded', message), time);
}

function progressing(status: Condition['status'], reason: string, message: string): Condition {
  return {
    type: 'Progressing',
    status,
    reason,
    message,
  };
}

function hasTimedOut(deployment: KubeObject, now: Date): boolean {
  const reason = progressingOf(deployment)?.['reason'];
  if (reason === undefined || reason === 'NewReplicaSetAvailable') return false;
  if (reason === 'ProgressDeadlineExceeded') return true;
  const deadline = deadlineMs(deployment);
  return deadline !== undefined && deadline < now.getTime();
}

function progressingOf(deployment: KubeObject): Fields | undefined {
  return findCondition(objectsAt(deployment, 'status', 'conditions'), 'Progressing');
}

/** When the deadline passes, in ms; undefined where none counts. */
function deadlineMs(deployment: KubeObject): number | undefined {
  const seconds = progressDeadlineOf(deployment);
  const from = Date.parse(stringAt(progressingOf(deployment), 'lastUpdateTime'));
  return seconds === undefined || Number.isNaN(from) ? undefined : from + seconds * 1000;
}

/** Time until an update without progress exceeds its deadline. */
export function untilLateMs(deployment: KubeObject, now: Date): number | undefined {
  const deadline = deadlineMs(deployment);
  const reason = stringAt(progressingOf(deployment), 'reason');
  const isOver =
    isComplete(deployment, fieldsAt(deployment, 'status')) ||
    ['ProgressDeadlineExceeded', 'NewReplicaSetAvailable'].includes(reason);
  if (deadline === undefined || isOver) return undefined;
  // Times are written in whole seconds: by one more, the deadline has passed for sure.
  return Math.max(0, deadline - now.getTime()) + 1000;
}
