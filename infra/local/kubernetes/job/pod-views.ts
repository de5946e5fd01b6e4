import { objectsAt, stringAt } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** Set on every pod of a Job until the controller has counted it: a pod is never lost before that. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export const phaseOf = (pod: KubeObject): string => stringAt(pod, 'status', 'phase');

export const hasEnded = (pod: KubeObject): boolean => ['Succeeded', 'Failed'].includes(phaseOf(pod));

export const isDeleted = (pod: KubeObject): boolean => pod.metadata.deletionTimestamp !== undefined;

export const isActive = (pod: KubeObject): boolean => !hasEnded(pod) && !isDeleted(pod);

export const isTerminating = (pod: KubeObject): boolean => !hasEnded(pod) && isDeleted(pod);

export const isReady = (pod: KubeObject): boolean =>
  objectsAt(pod, 'status', 'conditions').some((each) => each['type'] === 'Ready' && each['status'] === 'True');

export const isTracked = (pod: KubeObject): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) === true;

/** When the pod ended: its last container, else its Ready condition, else its deletion. */
export const finishedAtMs = (pod: KubeObject): number => {
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
};
