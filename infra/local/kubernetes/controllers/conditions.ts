import type { Fields } from '../json.ts';

/** A condition of a Deployment or ReplicaSet, without its times. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export function findCondition(conditions: readonly Fields[], type: string): Fields | undefined {
  return conditions.find((each) => each['type'] === type);
}

export function withoutCondition(conditions: readonly Fields[], type: string): readonly Fields[] {
  return conditions.filter((each) => each['type'] !== type);
}

/**
 * Returns the list with the condition at its end, unless one with the same status and reason exists: that one stays
 * unchanged, including its message (SetDeploymentCondition of pkg/controller/deployment/util).
 */
export function withDeploymentCondition(
  conditions: readonly Fields[],
  condition: Condition,
  now: string,
): readonly Fields[] {
  const before = findCondition(conditions, condition.type);
  if (before?.['status'] === condition.status && before['reason'] === condition.reason) return conditions;
  return [...withoutCondition(conditions, condition.type), stamped(condition, before, now)];
}

/** The condition with its times; the time of the last change of status is kept while the status is. */
export function stamped(condition: Condition, before: Fields | undefined, now: string): Fields {
  return {
    ...condition,
    lastUpdateTime: now,
    lastTransitionTime: before?.['status'] === condition.status ? before['lastTransitionTime'] : now,
  };
}
