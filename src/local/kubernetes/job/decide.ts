import { numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { formatTime } from '../schema/time.ts';
import type { KubeObject } from '../types.ts';
import { nextBackoff, remainingBackoffMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import { matchFailurePolicy } from './failure-policy.ts';
import { specOf, trueCondition, withCondition } from './job-views.ts';
import type { Condition, JobSpec } from './job-views.ts';
import { isActive, isDeleted, isReady, isTerminating, isTracked, phaseOf } from './pod-views.ts';

export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What one look at a Job and its pods leads to. */
export interface Decision {
  readonly status: Fields;
  /** How many pods to create. */
  readonly create: number;
  /** Pods to delete. */
  readonly remove: readonly KubeObject[];
  /** Pods that are counted now, and may go. */
  readonly release: readonly KubeObject[];
  readonly events: readonly JobEvent[];
  readonly backoff: Backoff;
  /** When to look again though nothing happens. */
  readonly lookAgainInMs: number | undefined;
}

export interface DecideContext {
  readonly now: Date;
  readonly backoff: Backoff;
  readonly backoffBaseMs: number;
}

/**
 * One step of the Job controller: syncJob of pkg/controller/job/job_controller.go, without what needs Indexed mode.
 * Counting pods and releasing them happen in one write here, so `uncountedTerminatedPods` stays empty.
 */
export const decide = (job: KubeObject, pods: readonly KubeObject[], context: DecideContext): Decision => {
  const spec = specOf(job);
  const tally = tallyOf(job, spec, pods, context);
  const verdict = verdictOf(job, spec, pods, tally, context.now);
  const plan = planOf(job, spec, tally, verdict, context);
  const ending = verdict ?? completionOf(spec, tally, plan);
  const counted = countedPods(job, spec, tally, ending);
  const suspension =
    ending === undefined && job.metadata.deletionTimestamp === undefined ? suspensionOf(job, spec) : undefined;
  const { status, events } = statusOf(job, { tally, plan, ending, suspension, counted, now: context.now });
  return {
    status,
    create: plan.create,
    remove: plan.remove,
    release: counted.release,
    events,
    backoff: tally.backoff,
    lookAgainInMs: lookAgainOf(job, spec, plan, ending, context.now),
  };
};

interface Tally {
  readonly active: readonly KubeObject[];
  readonly terminating: number;
  readonly tracked: readonly KubeObject[];
  /** Counters of the status, and what ended since they were written. */
  readonly succeeded: number;
  readonly failed: number;
  readonly backoff: Backoff;
}

/** Pods that are being deleted have failed, unless the Job waits for how they end. */
const hasFailed = (pod: KubeObject, spec: JobSpec): boolean =>
  phaseOf(pod) === 'Failed' || (!spec.replacesOnlyFailed && isDeleted(pod) && phaseOf(pod) !== 'Succeeded');

const tallyOf = (job: KubeObject, spec: JobSpec, pods: readonly KubeObject[], { backoff }: DecideContext): Tally => {
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
};

const failure = (reason: string, message: string): Condition => ({
  type: 'FailureTarget',
  status: 'True',
  reason,
  message,
});

/** Why the Job ends, before it is asked whether it is complete: decided earlier, or failed now. */
const verdictOf = (
  job: KubeObject,
  spec: JobSpec,
  pods: readonly KubeObject[],
  tally: Tally,
  now: Date,
): Condition | undefined => {
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
};

const hasRestartedTooOften = (spec: JobSpec, pods: readonly KubeObject[]): boolean => {
  if (!spec.restartsOnFailure) return false;
  const running = pods.filter((pod) => ['Running', 'Pending'].includes(phaseOf(pod)));
  const statuses = running.flatMap((pod) => [
    ...objectsAt(pod, 'status', 'initContainerStatuses'),
    ...objectsAt(pod, 'status', 'containerStatuses'),
  ]);
  const restarts = statuses.reduce((sum, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0);
  return spec.backoffLimit === 0 ? restarts > 0 : restarts >= spec.backoffLimit;
};

/** `undefined` without a deadline, and while the clock stands still. */
const remainingDeadlineMs = (job: KubeObject, spec: JobSpec, now: Date): number | undefined => {
  const start = Date.parse(stringAt(job, 'status', 'startTime'));
  if (spec.activeDeadlineSeconds === undefined || spec.isSuspended) return undefined;
  return spec.activeDeadlineSeconds * 1000 - (Number.isNaN(start) ? 0 : now.getTime() - start);
};

interface Plan {
  readonly create: number;
  readonly remove: readonly KubeObject[];
  readonly waitMs: number;
}

const nothing: Plan = { create: 0, remove: [], waitMs: 0 };

const planOf = (
  job: KubeObject,
  spec: JobSpec,
  tally: Tally,
  verdict: Condition | undefined,
  context: DecideContext,
): Plan => {
  if (verdict !== undefined) return { ...nothing, remove: tally.active };
  if (job.metadata.deletionTimestamp !== undefined) return nothing;
  if (spec.isSuspended) return { ...nothing, remove: tally.active };
  const active = tally.active.length;
  const wanted = wantedPods(spec, tally);
  if (active > wanted) return { ...nothing, remove: leastAdvanced(tally.active).slice(0, active - wanted) };
  const create = wanted - active - (spec.replacesOnlyFailed ? tally.terminating : 0);
  if (create <= 0) return nothing;
  const waitMs = remainingBackoffMs(tally.backoff, context.backoffBaseMs, context.now.getTime());
  return waitMs > 0 ? { ...nothing, waitMs } : { ...nothing, create };
};

const wantedPods = (spec: JobSpec, tally: Tally): number => {
  if (spec.completions === undefined) return tally.succeeded > 0 ? tally.active.length : spec.parallelism;
  return Math.max(0, Math.min(spec.completions - tally.succeeded, spec.parallelism));
};

/** Those not on a node first, then those not ready, then the youngest: what is lost by deleting them is least. */
const leastAdvanced = (pods: readonly KubeObject[]): readonly KubeObject[] => {
  const rank = (pod: KubeObject): number => {
    if (stringAt(pod, 'spec', 'nodeName') === '') return 0;
    if (phaseOf(pod) === 'Pending') return 1;
    return isReady(pod) ? 3 : 2;
  };
  return pods.toSorted(
    (a, b) => rank(a) - rank(b) || b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp),
  );
};

const completionOf = (spec: JobSpec, tally: Tally, plan: Plan): Condition | undefined => {
  const active = tally.active.length - plan.remove.length + plan.create;
  const isComplete = spec.completions === undefined ? tally.succeeded > 0 : tally.succeeded >= spec.completions;
  if (!isComplete || active > 0) return undefined;
  return {
    type: 'SuccessCriteriaMet',
    status: 'True',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
};

interface Counted {
  readonly release: readonly KubeObject[];
  readonly failed: number;
}

/** When the Job ends in failure, every pod that has not ended counts as failed. */
const countedPods = (job: KubeObject, spec: JobSpec, tally: Tally, ending: Condition | undefined): Counted => {
  const isOver = job.metadata.deletionTimestamp !== undefined || ending !== undefined;
  const release = tally.tracked.filter((pod) => isOver || phaseOf(pod) === 'Succeeded' || hasFailed(pod, spec));
  const isFailing = ending?.type === 'FailureTarget';
  const cutShort = isFailing ? release.filter((pod) => phaseOf(pod) !== 'Succeeded' && !hasFailed(pod, spec)) : [];
  const counting = cutShort.filter((pod) => matchFailurePolicy(spec.failurePolicy, pod).counts);
  return { release, failed: tally.failed + counting.length };
};

const suspensionOf = (job: KubeObject, spec: JobSpec): { readonly condition: Condition; readonly isNews: boolean } => {
  const wasSuspended = trueCondition(job, 'Suspended') !== undefined;
  const condition: Condition = spec.isSuspended
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  return { condition, isNews: wasSuspended !== spec.isSuspended };
};

interface Outcome {
  readonly tally: Tally;
  readonly plan: Plan;
  readonly ending: Condition | undefined;
  readonly suspension: ReturnType<typeof suspensionOf> | undefined;
  readonly counted: Counted;
  readonly now: Date;
}

const statusOf = (
  job: KubeObject,
  outcome: Outcome,
): { readonly status: Fields; readonly events: readonly JobEvent[] } => {
  const { tally, plan, ending, suspension, counted } = outcome;
  const now = formatTime(outcome.now);
  const terminating = tally.terminating + plan.remove.length;
  const removed = new Set(plan.remove);
  const isSuspended = specOf(job).isSuspended;
  const isResumed = suspension?.isNews === true && !isSuspended;
  const before = stringAt(job, 'status', 'startTime');
  const startTime = isResumed || (before === '' && !isSuspended) ? now : before;
  const isOver = ending !== undefined && terminating === 0;
  let conditions = objectsAt(job, 'status', 'conditions');
  if (ending !== undefined) conditions = withCondition(conditions, ending, now);
  if (isOver)
    conditions = withCondition(
      conditions,
      { ...ending, type: ending.type === 'FailureTarget' ? 'Failed' : 'Complete' },
      now,
    );
  if (suspension !== undefined) conditions = withCondition(conditions, suspension.condition, now);
  const status: Fields = {
    conditions,
    ...(startTime !== '' && { startTime }),
    ...(isOver && ending.type === 'SuccessCriteriaMet' && { completionTime: now }),
    active: tally.active.length - plan.remove.length + plan.create,
    succeeded: tally.succeeded,
    failed: counted.failed,
    terminating,
    uncountedTerminatedPods: {},
    ready: tally.active.filter((pod) => isReady(pod) && !removed.has(pod)).length,
  };
  return { status, events: eventsOf(suspension, isOver ? ending : undefined) };
};

const eventsOf = (suspension: Outcome['suspension'], ended: Condition | undefined): readonly JobEvent[] => {
  const suspended: JobEvent[] =
    suspension?.isNews === true
      ? [
          {
            type: 'Normal',
            reason: suspension.condition.status === 'True' ? 'Suspended' : 'Resumed',
            message: suspension.condition.message,
          },
        ]
      : [];
  if (ended === undefined) return suspended;
  if (ended.type === 'SuccessCriteriaMet')
    return [...suspended, { type: 'Normal', reason: 'Completed', message: 'Job completed' }];
  return [...suspended, { type: 'Warning', reason: ended.reason, message: ended.message }];
};

const lookAgainOf = (
  job: KubeObject,
  spec: JobSpec,
  plan: Plan,
  ending: Condition | undefined,
  now: Date,
): number | undefined => {
  const waits = [
    plan.waitMs > 0 ? plan.waitMs : undefined,
    ending === undefined ? remainingDeadlineMs(job, spec, now) : undefined,
  ];
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
};
