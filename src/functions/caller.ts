import type { IncomingMessage } from 'node:http';
import { ForbiddenError, InvalidRequestError } from '../errors.ts';

/** A call made by Cloud Scheduler. */
export interface SchedulerCall {
  /** The Scheduler job's short name. */
  readonly job: string;
  /** The tick, the same for all its retries; absent for a forced run. */
  readonly tick?: Date;
}

const JOB_NAME = /^[A-Za-z0-9_-]{1,500}$/;

// A forced run may carry the time of the next tick. Read as that tick, it would take the tick's aggregationId, and the
// real tick would find a run that exists. Cloud Scheduler is never earlier than the difference between two clocks.
const CLOCK_SKEW_MS = 10_000;

const BEARER = /^bearer +[\w-]+\.([\w-]+)\.[\w-]*$/i;
const EMAIL = /^[^\s<>]{3,320}$/;

/**
 * The e-mail address of the caller, from the identity token that Cloud Run verified, or `undefined` where the token
 * has none. Cloud Run verifies `X-Serverless-Authorization` when it is present, and passes `Authorization` on without
 * a check: the second header then says nothing about the caller. The signature is removed before the request arrives,
 * so the token is read, not verified.
 * https://cloud.google.com/run/docs/authenticating/service-to-service
 */
export function callerOf({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const verified = headers['x-serverless-authorization'] ?? headers.authorization ?? '';
  const payload = BEARER.exec(String(verified).slice(0, 16_384))?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('email' in claims)) return undefined;
    if ('email_verified' in claims && claims.email_verified === false) return undefined;
    return typeof claims.email === 'string' && EMAIL.test(claims.email) ? claims.email : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The Scheduler job and the tick of a call made by Cloud Scheduler; `undefined` for a call without its headers. Cloud
 * Scheduler sends `X-CloudScheduler: true`, the job's short name and the tick in RFC 3339 with any offset; a forced run
 * has no tick or a future one. Throws ForbiddenError where the caller is not `serviceAccount`: the headers decide
 * which tick a run stands for. Throws InvalidRequestError on headers that Cloud Scheduler does not send.
 * https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#httptarget
 */
export function schedulerCallOf(
  request: Pick<IncomingMessage, 'headers'>,
  now: Date,
  serviceAccount: string | undefined,
): SchedulerCall | undefined {
  if (header(request, 'x-cloudscheduler')?.toLowerCase() !== 'true') return undefined;
  assertScheduler(callerOf(request), serviceAccount);
  const job = header(request, 'x-cloudscheduler-jobname')?.split('/').at(-1) ?? '';
  if (!JOB_NAME.test(job))
    throw new InvalidRequestError(`X-CloudScheduler-JobName "${job.slice(0, 80)}" is not the name of a Scheduler job.`);
  const text = header(request, 'x-cloudscheduler-scheduletime') ?? '';
  if (text === '') return { job };
  const tick = new Date(text);
  if (Number.isNaN(tick.getTime())) {
    throw new InvalidRequestError(`X-CloudScheduler-ScheduleTime "${text.slice(0, 80)}" is not an RFC 3339 time.`);
  }
  return tick.getTime() > now.getTime() + CLOCK_SKEW_MS ? { job } : { job, tick };
}

function header({ headers }: Pick<IncomingMessage, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function assertScheduler(caller: string | undefined, serviceAccount: string | undefined): void {
  if (serviceAccount !== undefined && caller?.toLowerCase() === serviceAccount.toLowerCase()) return;
  const who = caller === undefined ? 'A caller without an identity token' : `The caller ${caller}`;
  const remedy =
    serviceAccount === undefined
      ? 'set SCHEDULER_SERVICE_ACCOUNT to the account that the Scheduler job calls with'
      : 'SCHEDULER_SERVICE_ACCOUNT names the account that may';
  throw new ForbiddenError(
    `${who} may not send X-CloudScheduler headers; ${remedy}. To run a schedule's missed tick by hand: POST /schedules/<name>/backfill?tick=.`,
  );
}
