import { numberAt } from '../json.ts';
import type { KubeObject } from '../types.ts';
import { nextBackoff } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { matchFailurePolicy } from './failure-policy.ts';
import type { Condition, JobSpec } from './job-views.ts';
import { isActive, isDeleted, isTerminating, isTracked, phaseOf } from './pod-views.ts';

/** A Job's pods, counted. */
export interface Tally {
  readonly active: readonly KubeObject[];
  readonly terminating: number;
  /** Not counted in the status yet. */
  readonly tracked: readonly KubeObject[];
  /** Counters of the status, and what ended since they were written. */
  readonly succeeded: number;
  readonly failed: number;
  readonly backoff: Backoff;
}

export interface Counted {
  /** Pods whose end is in the counters now. */
  readonly release: readonly KubeObject[];
  readonly failed: number;
}

/** Pods that are being deleted have failed, unless the Job waits for how they end. */
export function hasFailed(pod: KubeObject, spec: JobSpec): boolean {
  return phaseOf(pod) === 'Failed' || (!spec.replacesOnlyFailed && isDeleted(pod) && phaseOf(pod) !== 'Succeeded');
}

export function tallyPods(job: KubeObject, spec: JobSpec, pods: readonly KubeObject[], backoff: Backoff): Tally {
  const tracked = pods.filter(isTracked);
  const newlySucceeded = tracked.filter((pod) => phaseOf(pod) === 'Succeeded');
  const newlyFailed = tracked.filter((pod) => hasFailed(pod, spec));
  const counting = newlyFailed.filter((pod) => matchFailurePolicy(spec.failurePolicy, pod).counts);
  return {
    active: pods.filter(isActive),
    terminating: pods.filter(isTerminating).length,
    tracked,
    succeeded: (numberAt(job, 'status', 'succeeded') ?? 0) + newlySucceeded.length,
    failed: (numberAt(job, 'status', 'failed') ?? 0) + counting.length,
    backoff: nextBackoff(backoff, newlySucceeded, newlyFailed),
  };
}

/** When the Job ends in failure, every pod that has not ended counts as failed. */
export function countEnded(job: KubeObject, spec: JobSpec, tally: Tally, ending: Condition | undefined): Counted {
  const isOver = job.metadata.deletionTimestamp !== undefined || ending !== undefined;
  const release = tally.tracked.filter((pod) => isOver || phaseOf(pod) === 'Succeeded' || hasFailed(pod, spec));
  const isFailing = ending?.type === 'FailureTarget';
  const cutShort = isFailing ? release.filter((pod) => phaseOf(pod) !== 'Succeeded' && !hasFailed(pod, spec)) : [];
  const counting = cutShort.filter((pod) => matchFailurePolicy(spec.failurePolicy, pod).counts);
  return { release, failed: tally.failed + counting.length };
}
