import { numberAt, objectsAt, stringAt } from '../../json.ts';
import type { KubeObject } from '../../types.ts';
import { isReady, readySinceMs } from '../pod-state.ts';

const phases = ['Pending', 'Unknown', 'Running'];

/**
 * The pods to delete when there are `count` too many, those that are missed least first: the order of
 * ActivePodsWithRanks in pkg/controller/controller_utils.go. `related` are the pods of all ReplicaSets of one owner: of
 * two pods, the one that shares its node with more of these goes first.
 */
export function podsToDelete(
  active: readonly KubeObject[],
  related: readonly KubeObject[],
  count: number,
  nowMs: number,
): readonly KubeObject[] {
  if (count >= active.length) return active;
  const onNode = new Map<string, number>();
  for (const pod of related) onNode.set(nodeOf(pod), (onNode.get(nodeOf(pod)) ?? 0) + 1);
  const keys = new Map(active.map((pod) => [pod, sortKeys(pod, onNode.get(nodeOf(pod)) ?? 0, nowMs)]));
  return active.toSorted((a, b) => compare(keys.get(a) ?? [], keys.get(b) ?? [])).slice(0, count);
}

function nodeOf(pod: KubeObject): string {
  return stringAt(pod, 'spec', 'nodeName');
}

/** Smaller numbers go first. */
function sortKeys(pod: KubeObject, neighbours: number, nowMs: number): readonly number[] {
  return [
    nodeOf(pod) === '' ? 0 : 1,
    phases.indexOf(stringAt(pod, 'status', 'phase')),
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -neighbours,
    ageRank(readySinceMs(pod), nowMs),
    -restarts(pod),
    ageRank(Date.parse(pod.metadata.creationTimestamp), nowMs),
  ];
}

function deletionCost({ metadata }: KubeObject): number {
  const cost = metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? '';
  return /^(0|-?[1-9]\d*)$/.test(cost) ? Number(cost) : 0;
}

/** Ages are compared by their order of magnitude, so that which of several old pods goes is left to chance. */
function ageRank(sinceMs: number | undefined, nowMs: number): number {
  if (sinceMs === undefined) return -1;
  const ageMs = nowMs - sinceMs;
  return ageMs <= 0 ? -1 : Math.trunc(Math.log2(ageMs * 1e6));
}

function restarts(pod: KubeObject): number {
  return Math.max(
    0,
    ...objectsAt(pod, 'status', 'containerStatuses').map((each) => numberAt(each, 'restartCount') ?? 0),
  );
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
