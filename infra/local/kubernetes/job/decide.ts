import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';
import type { Backoff } from './backoff.ts';
import { buildEvents, buildStatus, suspensionOf } from './job-status.ts';
import type { JobEvent, Outcome } from './job-status.ts';
import { specOf } from './job-views.ts';
import { completionOf, planPods } from './plan.ts';
import type { Plan } from './plan.ts';
import { countEnded, tallyPods } from './tally.ts';
import { remainingDeadlineMs, verdictOf } from './verdict.ts';

/** What one look at a Job and its pods leads to. */
export interface Decision {
  readonly plan: Plan;
  readonly status: Fields;
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
export function decide(job: KubeObject, pods: readonly KubeObject[], context: DecideContext): Decision {
  const spec = specOf(job);
  const tally = tallyPods(job, spec, pods, context.backoff);
  const verdict = verdictOf(job, spec, pods, tally, context.now);
  const plan = planPods(job, spec, tally, verdict, context);
  const ending = verdict ?? completionOf(spec, tally, plan);
  const counted = countEnded(job, spec, tally, ending);
  const suspension = suspensionOf(job, spec, ending);
  const outcome: Outcome = { spec, tally, plan, ending, suspension, counted, now: context.now };
  return {
    plan,
    status: buildStatus(job, outcome),
    release: counted.release,
    events: buildEvents(outcome),
    backoff: tally.backoff,
    lookAgainInMs: lookAgain(job, outcome),
  };
}

function lookAgain(job: KubeObject, { spec, plan, ending, now }: Outcome): number | undefined {
  const deadlineMs = ending === undefined ? remainingDeadlineMs(job, spec, now) : undefined;
  const waits = [plan.waitMs > 0 ? plan.waitMs : undefined, deadlineMs].filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : Math.min(...waits);
}
