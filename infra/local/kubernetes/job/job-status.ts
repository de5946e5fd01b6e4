import { objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { formatTime } from '../schema/time.ts';
import type { KubeObject } from '../types.ts';
import { trueCondition, withCondition } from './job-views.ts';
import type { Condition, JobSpec } from './job-views.ts';
import type { Plan } from './plan.ts';
import { isReady } from './pod-views.ts';
import type { Counted, Tally } from './tally.ts';

export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface Suspension {
  readonly condition: Condition;
  /** The Job was suspended or resumed just now. */
  readonly isNews: boolean;
}

export interface Outcome {
  readonly spec: JobSpec;
  readonly tally: Tally;
  readonly plan: Plan;
  readonly ending: Condition | undefined;
  readonly suspension: Suspension | undefined;
  readonly counted: Counted;
  readonly now: Date;
}

/** `undefined` for a Job that is over, or going. */
export function suspensionOf(job: KubeObject, spec: JobSpec, ending: Condition | undefined): Suspension | undefined {
  if (ending !== undefined || job.metadata.deletionTimestamp !== undefined) return undefined;
  const wasSuspended = trueCondition(job, 'Suspended') !== undefined;
  const condition: Condition = spec.isSuspended
    ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' }
    : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' };
  return { condition, isNews: wasSuspended !== spec.isSuspended };
}

/** The new status of the Job. */
export function buildStatus(job: KubeObject, outcome: Outcome): Fields {
  const { tally, plan, ending } = outcome;
  const now = formatTime(outcome.now);
  const startTime = startTimeOf(job, outcome, now);
  const removed = new Set(plan.remove);
  return {
    conditions: conditionsOf(job, outcome, now),
    ...(startTime !== '' && { startTime }),
    ...(isOver(outcome) && ending?.type === 'SuccessCriteriaMet' && { completionTime: now }),
    active: tally.active.length - plan.remove.length + plan.create,
    succeeded: tally.succeeded,
    failed: outcome.counted.failed,
    terminating: tally.terminating + plan.remove.length,
    uncountedTerminatedPods: {},
    ready: tally.active.filter((pod) => isReady(pod) && !removed.has(pod)).length,
  };
}

/** A deadline counts from when the Job was last started or resumed. */
function startTimeOf(job: KubeObject, { spec, suspension }: Outcome, now: string): string {
  const before = stringAt(job, 'status', 'startTime');
  if (spec.isSuspended) return before;
  return suspension?.isNews === true || before === '' ? now : before;
}

function conditionsOf(job: KubeObject, outcome: Outcome, now: string): readonly Fields[] {
  const { ending, suspension } = outcome;
  let conditions = objectsAt(job, 'status', 'conditions');
  if (ending !== undefined) conditions = withCondition(conditions, ending, now);
  if (ending !== undefined && isOver(outcome)) {
    const type = ending.type === 'FailureTarget' ? 'Failed' : 'Complete';
    conditions = withCondition(conditions, { ...ending, type }, now);
  }
  return suspension === undefined ? conditions : withCondition(conditions, suspension.condition, now);
}

/** The final condition waits until the last pod has ended. */
function isOver({ ending, tally, plan }: Outcome): boolean {
  return ending !== undefined && tally.terminating + plan.remove.length === 0;
}

/** What is known about the Job besides its pods. */
export function buildEvents(outcome: Outcome): readonly JobEvent[] {
  const { ending, suspension } = outcome;
  const events: JobEvent[] = [];
  if (suspension?.isNews === true) {
    const reason = suspension.condition.status === 'True' ? 'Suspended' : 'Resumed';
    events.push({ type: 'Normal', reason, message: suspension.condition.message });
  }
  if (ending === undefined || !isOver(outcome)) return events;
  if (ending.type === 'SuccessCriteriaMet')
    return [...events, { type: 'Normal', reason: 'Completed', message: 'Job completed' }];
  return [...events, { type: 'Warning', reason: ending.reason, message: ending.message }];
}
