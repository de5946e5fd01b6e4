import { numberAt, objectsAt, stringAt } from '../json.ts';
import type { KubeObject } from '../types.ts';
import { matchFailurePolicy } from './failure-policy.ts';
import { trueCondition } from './job-views.ts';
import type { Condition, JobSpec } from './job-views.ts';
import { phaseOf } from './pod-views.ts';
import { hasFailed } from './tally.ts';
import type { Tally } from './tally.ts';

/** Why the Job ends, before it is asked whether it is complete: decided earlier, or failed now. */
export function verdictOf(
  job: KubeObject,
  spec: JobSpec,
  pods: readonly KubeObject[],
  tally: Tally,
  now: Date,
): Condition | undefined {
  const earlier = trueCondition(job, 'SuccessCriteriaMet') ?? trueCondition(job, 'FailureTarget');
  if (earlier !== undefined) return earlier;
  const failed = pods.filter((pod) => hasFailed(pod, spec));
  const message = failed
    .map((pod) => matchFailurePolicy(spec.failurePolicy, pod).failJob)
    .find((each) => each !== undefined);
  if (message !== undefined) return failure('PodFailurePolicy', message);
  if (tally.failed > spec.backoffLimit || hasRestartedTooOften(spec, pods)) {
    return failure('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const deadlineMs = remainingDeadlineMs(job, spec, now);
  if (deadlineMs !== undefined && deadlineMs <= 0) {
    return failure('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  return undefined;
}

function failure(reason: string, message: string): Condition {
  return {
    type: 'FailureTarget',
    status: 'True',
    reason,
    message,
  };
}

function hasRestartedTooOften(spec: JobSpec, pods: readonly KubeObject[]): boolean {
  if (!spec.restartsOnFailure) return false;
  const running = pods.filter((pod) => ['Running', 'Pending'].includes(phaseOf(pod)));
  const statuses = running.flatMap((pod) => [
    ...objectsAt(pod, 'status', 'initContainerStatuses'),
    ...objectsAt(pod, 'status', 'containerStatuses'),
  ]);
  const restarts = statuses.reduce((sum, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0);
  return spec.backoffLimit === 0 ? restarts > 0 : restarts >= spec.backoffLimit;
}

/** `undefined` without a deadline, and while the clock stands still. */
export function remainingDeadlineMs(job: KubeObject, spec: JobSpec, now: Date): number | undefined {
  const start = Date.parse(stringAt(job, 'status', 'startTime'));
  if (spec.activeDeadlineSeconds === undefined || spec.isSuspended) return undefined;
  return spec.activeDeadlineSeconds * 1000 - (Number.isNaN(start) ? 0 : now.getTime() - start);
}
