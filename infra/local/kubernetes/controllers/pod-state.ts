import { objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** All containers of the pod have ended, for good. */
export function hasEnded(pod: KubeObject): boolean {
  return ['Succeeded', 'Failed'].includes(stringAt(pod, 'status', 'phase'));
}

export function isReady(pod: KubeObject): boolean {
  return readyCondition(pod) !== undefined;
}

function readyCondition(pod: KubeObject): Fields | undefined {
  return objectsAt(pod, 'status', 'conditions').find((each) => each['type'] === 'Ready' && each['status'] === 'True');
}

/** Since when the pod has been ready, in ms; undefined while it is not. */
export function readySinceMs(pod: KubeObject): number | undefined {
  const since = Date.parse(stringAt(readyCondition(pod), 'lastTransitionTime'));
  return Number.isNaN(since) ? undefined : since;
}

/** How long a ready pod has to wait until it counts as available: 0 when it does; undefined while it is not ready. */
export function untilAvailableMs(pod: KubeObject, minReadySeconds: number, nowMs: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = readySinceMs(pod);
  return since === undefined ? undefined : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}
