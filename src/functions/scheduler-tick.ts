import type { Request } from 'express';
import { InvalidRequestError } from '../errors.ts';

/** A call that Cloud Scheduler made. */
export interface SchedulerCall {
  /** The Scheduler job's short name. */
  readonly job: string;
  /** The tick, constant across its retries; absent: a forced run. */
  readonly tick?: Date;
}

const JOB_NAME = /^[A-Za-z0-9_-]{1,500}$/;

// A forced run may carry the time of the next tick; taken for that tick, it would swallow it. Clocks differ a little,
// and the Scheduler is never early by more.
const CLOCK_SKEW_MS = 10_000;

/**
 * What Cloud Scheduler says of a call in its headers, or `undefined` for other callers. Cloud Scheduler sends
 * `X-CloudScheduler: true`, the job's short name, and the tick in RFC 3339 with any offset; a forced run carries no
 * tick, or a later one. https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#httptarget
 */
export function schedulerCallOf(req: Request, now: Date): SchedulerCall | undefined {
  if (req.get('x-cloudscheduler')?.toLowerCase() !== 'true') return undefined;
  const job = req.get('x-cloudscheduler-jobname')?.split('/').at(-1) ?? '';
  if (!JOB_NAME.test(job))
    throw new InvalidRequestError(`X-CloudScheduler-JobName "${job.slice(0, 80)}" is not the name of a Scheduler job.`);
  const text = req.get('x-cloudscheduler-scheduletime');
  if (text === undefined || text === '') return { job };
  const tick = new Date(text);
  if (Number.isNaN(tick.getTime())) {
    throw new InvalidRequestError(`X-CloudScheduler-ScheduleTime "${text.slice(0, 80)}" is not an RFC 3339 time.`);
  }
  return tick.getTime() > now.getTime() + CLOCK_SKEW_MS ? { job } : { job, tick };
}
