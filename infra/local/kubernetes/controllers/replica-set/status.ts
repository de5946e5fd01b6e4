import { fieldsAt, numberAt, objectsAt, stringsAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import { formatTime } from '../../schema/time.ts';
import { matcherOf } from '../../selectors/label-selector.ts';
import type { KubeObject } from '../../types.ts';
import { findCondition, withoutCondition } from '../conditions.ts';
import { isReady, untilAvailableMs } from '../pod-state.ts';

export interface Counts {
  readonly active: readonly KubeObject[];
  readonly terminating: readonly KubeObject[];
}

export function minReadySecondsOf(object: KubeObject): number {
  return numberAt(object, 'spec', 'minReadySeconds') ?? 0;
}

/** The status of a ReplicaSet: calculateStatus of pkg/controller/replicaset/replica_set_utils.go. */
export function buildReplicaSetStatus(
  set: KubeObject,
  { active, terminating }: Counts,
  failure: string | undefined,
  now: Date,
): Fields {
  const isFullyLabeled = matcherOf({ matchLabels: stringsAt(set, 'spec', 'template', 'metadata', 'labels') });
  const conditions = conditionsOf(set, active.length, failure, formatTime(now));
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => isFullyLabeled(pod.metadata.labels ?? {})).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => untilAvailableMs(pod, minReadySecondsOf(set), now.getTime()) === 0)
      .length,
    terminatingReplicas: terminating.length,
    observedGeneration: set.metadata.generation,
    ...(conditions.length > 0 && { conditions }),
  };
}

/** A failure that is already reported keeps its first message. */
function conditionsOf(set: KubeObject, active: number, failure: string | undefined, now: string): readonly Fields[] {
  const before = objectsAt(set, 'status', 'conditions');
  if (failure === undefined) return withoutCondition(before, 'ReplicaFailure');
  if (findCondition(before, 'ReplicaFailure') !== undefined) return before;
  const isShort = active < (numberAt(fieldsAt(set, 'spec'), 'replicas') ?? 1);
  const reason = isShort ? 'FailedCreate' : 'FailedDelete';
  return [...before, { type: 'ReplicaFailure', status: 'True', reason, message: failure, lastTransitionTime: now }];
}
