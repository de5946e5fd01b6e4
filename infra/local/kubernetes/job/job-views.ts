import { fieldsAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** The spec of a Job after defaulting, as far as the controller reads it. */
export interface JobSpec {
  readonly parallelism: number;
  readonly completions: number | undefined;
  readonly backoffLimit: number;
  readonly activeDeadlineSeconds: number | undefined;
  readonly ttlSecondsAfterFinished: number | undefined;
  readonly isSuspended: boolean;
  /** podReplacementPolicy Failed: a pod that is going counts, and is replaced, only once it has ended. */
  readonly replacesOnlyFailed: boolean;
  readonly restartsOnFailure: boolean;
  readonly failurePolicy: Fields | undefined;
}

export type ConditionType = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export function specOf(job: KubeObject): JobSpec {
  const spec = fieldsAt(job, 'spec');
  return {
    parallelism: numberAt(spec, 'parallelism') ?? 1,
    completions: numberAt(spec, 'completions'),
    backoffLimit: numberAt(spec, 'backoffLimit') ?? 6,
    activeDeadlineSeconds: numberAt(spec, 'activeDeadlineSeconds'),
    ttlSecondsAfterFinished: numberAt(spec, 'ttlSecondsAfterFinished'),
    isSuspended: spec['suspend'] === true,
    replacesOnlyFailed: spec['podReplacementPolicy'] === 'Failed',
    restartsOnFailure: stringAt(spec, 'template', 'spec', 'restartPolicy') === 'OnFailure',
    failurePolicy: spec['podFailurePolicy'] === undefined ? undefined : fieldsAt(spec, 'podFailurePolicy'),
  };
}

/** The condition of that type when it is True. */
export function trueCondition(job: KubeObject, type: ConditionType): Condition | undefined {
  const found = objectsAt(job, 'status', 'conditions').find(
    (each) => each['type'] === type && each['status'] === 'True',
  );
  return found && { type, status: 'True', reason: stringAt(found, 'reason'), message: stringAt(found, 'message') };
}

export function isFinished(job: KubeObject): boolean {
  return trueCondition(job, 'Complete') !== undefined || trueCondition(job, 'Failed') !== undefined;
}

/** When a finished Job finished. */
export function finishedAtMs(job: KubeObject): number {
  const ending = objectsAt(job, 'status', 'conditions').find(
    (each) => (each['type'] === 'Complete' || each['type'] === 'Failed') && each['status'] === 'True',
  );
  return Date.parse(stringAt(ending, 'lastTransitionTime'));
}

/** The list with the condition set: added when it is new and True, renewed when its status differs. */
export function withCondition(conditions: readonly Fields[], condition: Condition, now: string): readonly Fields[] {
  const index = conditions.findIndex((each) => each['type'] === condition.type);
  const entry: Fields = { ...condition, lastProbeTime: now, lastTransitionTime: now };
  if (index < 0) return condition.status === 'True' ? [...conditions, entry] : conditions;
  return conditions[index]?.['status'] === condition.status ? conditions : conditions.with(index, entry);
}
