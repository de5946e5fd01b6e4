import { objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';

const readyCondition = (pod: KubeObject): Fields | undefined =>
  objectsAt(pod, 'status', 'conditions').find((each) => each['type'] === 'Ready' && each['status'] === 'True');

/** All containers of the pod have ended, for good. */
export const hasEnded = (pod: KubeObject): boolean =>
  ['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase'));

export const isReady = (pod: KubeObject): boolean => readyCondition(pod) !== undefined;

/** Since when the pod has been ready, in ms; undefined while it is not. */
export const readySinceMs = (pod: KubeObject): number | undefined => {
  const since = Date.parse(stringAt(readyCondition(pod), 'lastTransitionTime'));
  return Number.isNaN(since) ? undefined : since;
};

/** How long a ready pod has to wait until it counts as available: 0 when it does; undefined while it is not ready. */
export const untilAvailableMs = (pod: KubeObject, minReadySeconds: number, nowMs: number): number | undefined => {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = readySinceMs(pod);
  return since === undefined ? undefined : Math.max(0, since + minReadySeconds * 1000 - nowMs);
};
