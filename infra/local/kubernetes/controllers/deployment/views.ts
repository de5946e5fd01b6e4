import { fieldsAt, numberAt, stringAt } from '../../json.ts';
import type { KubeObject } from '../../types.ts';

export const annotations = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
} as const;

export const hashLabel = 'pod-template-hash';

/** "No limit", as it is written in the spec. */
const unlimited = 2 ** 31 - 1;

const limitAt = (deployment: KubeObject, field: string): number | undefined => {
  const limit = numberAt(deployment, 'spec', field);
  return limit === unlimited ? undefined : limit;
};

/** How many pods a Deployment or ReplicaSet is to have. */
export const replicasOf = (object: KubeObject): number => numberAt(object, 'spec', 'replicas') ?? 1;

export const progressDeadlineOf = (deployment: KubeObject): number | undefined =>
  limitAt(deployment, 'progressDeadlineSeconds');

export const historyLimitOf = (deployment: KubeObject): number | undefined =>
  limitAt(deployment, 'revisionHistoryLimit');

export const isRolling = (deployment: KubeObject): boolean =>
  stringAt(deployment, 'spec', 'strategy', 'type') === 'RollingUpdate';

export const isPaused = (deployment: KubeObject): boolean => fieldsAt(deployment, 'spec')['paused'] === true;

export const countAt = (object: KubeObject | undefined, field: string): number =>
  numberAt(object, 'status', field) ?? 0;

const sum = (sets: readonly KubeObject[], count: (set: KubeObject) => number): number =>
  sets.reduce((total, set) => total + count(set), 0);

/** How many pods the ReplicaSets are to have together. */
export const totalReplicas = (sets: readonly KubeObject[]): number => sum(sets, replicasOf);

/** The sum of a count of their status. */
export const totalOf = (sets: readonly KubeObject[], field: string): number => sum(sets, (set) => countAt(set, field));

export const isActiveSet = (set: KubeObject): boolean => replicasOf(set) > 0;

/** The number an annotation of a ReplicaSet holds; undefined where it is none. */
export const annotatedCount = (set: KubeObject, annotation: string): number | undefined => {
  const value = set.metadata.annotations?.[annotation] ?? '';
  return /^\d+$/.test(value) && Number(value) <= unlimited ? Number(value) : undefined;
};

/** Which revision a ReplicaSet is: 0 where it does not say. */
export const revisionOf = (set: KubeObject): number => Number(set.metadata.annotations?.[annotations.revision] ?? 0);

export const byAge = (a: KubeObject, b: KubeObject): number =>
  Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp) ||
  (a.metadata.name < b.metadata.name ? -1 : 1);
