import { fieldsAt, numberAt, stringAt } from '../../json.ts';
import type { KubeObject } from '../../types.ts';

export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
} as const;

export const hashLabel = 'pod-template-hash';

/** "No limit", as the spec expresses it. */
const unlimited = 2 ** 31 - 1;

/** How many pods a Deployment or ReplicaSet is to have. */
export function replicasOf(object: KubeObject): number {
  return numberAt(object, 'spec', 'replicas') ?? 1;
}

export function progressDeadlineOf(deployment: KubeObject): number | undefined {
  return limitAt(deployment, 'progressDeadlineSeconds');
}

function limitAt(deployment: KubeObject, field: string): number | undefined {
  const limit = numberAt(deployment, 'spec', field);
  return limit === unlimited ? undefined : limit;
}

export function historyLimitOf(deployment: KubeObject): number | undefined {
  return limitAt(deployment, 'revisionHistoryLimit');
}

export function isRolling(deployment: KubeObject): boolean {
  return stringAt(deployment, 'spec', 'strategy', 'type') === 'RollingUpdate';
}

export function isPaused(deployment: KubeObject): boolean {
  return fieldsAt(deployment, 'spec')['paused'] === true;
}

export function countAt(object: KubeObject | undefined, field: string): number {
  return numberAt(object, 'status', field) ?? 0;
}

/** How many pods the ReplicaSets are to have together. */
export function totalReplicas(sets: readonly KubeObject[]): number {
  return sum(sets, replicasOf);
}

function sum(sets: readonly KubeObject[], count: (set: KubeObject) => number): number {
  return sets.reduce((total, set) => total + count(set), 0);
}

/** The sum of a count of their status. */
export function totalOf(sets: readonly KubeObject[], field: string): number {
  return sum(sets, (set) => countAt(set, field));
}

export function isActiveSet(set: KubeObject): boolean {
  return replicasOf(set) > 0;
}

/** The number an annotation of a ReplicaSet holds; undefined where it is none. */
export function annotatedCount(set: KubeObject, annotation: string): number | undefined {
  const value = set.metadata.annotations?.[annotation] ?? '';
  return /^\d+$/.test(value) && Number(value) <= unlimited ? Number(value) : undefined;
}

/** The revision of a ReplicaSet; 0 if it has none. */
export function revisionOf(set: KubeObject): number {
  return Number(set.metadata.annotations?.[annotations.revision] ?? 0);
}

export function byAge(a: KubeObject, b: KubeObject): number {
  return (
    Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}
