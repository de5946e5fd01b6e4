import { objectsAt, stringAt } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** Set on every pod of a Job until the controller has counted it: a pod is never lost before that. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export function phaseOf(pod: KubeObject): string {
  return stringAt(pod, 'status', 'phase');
}

export function hasEnded(pod: KubeObject): boolean {
  return ['Succeeded', 'Failed'].includes(phaseOf(pod));
}

export function isDeleted(pod: KubeObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

export function isActive(pod: KubeObject): boolean {
  return !hasEnded(pod) && !isDeleted(pod);
}

export function isTerminating(pod: KubeObject): boolean {
  return !hasEnded(pod) && isDeleted(pod);
}

export function isReady(pod: KubeObject): boolean {
  return objectsAt(pod, 'status', 'conditions').some((each) => each['type'] === 'Ready' && each['status'] === 'True');
}

export function isTracked(pod: KubeObject): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) === true;
}

/** When the pod ended: its last container, else its Ready condition, else its deletion. */
export function finishedAtMs(pod: KubeObject): number {
  const ends = objectsAt(pod, 'status', 'containerStatuses').map((each) =>
    Date.parse(stringAt(each, 'state', 'terminated', 'finishedAt')),
  );
  const known = ends.filter((end) => !Number.isNaN(end));
  if (known.length > 0) return Math.max(...known);
  const notReady = objectsAt(pod, 'status', 'conditions').find(
    (each) => each['type'] === 'Ready' && each['status'] === 'False',
  );
  const times = [
    stringAt(notReady, 'lastTransitionTime'),
    pod.metadata.deletionTimestamp ?? '',
    pod.metadata.creationTimestamp,
  ];
  return times.map((time) => Date.parse(time)).find((time) => !Number.isNaN(time)) ?? 0;
}
