import { setTimeout as delay } from 'node:timers/promises';

export interface ScheduledRequest {
  /** The short job id, as in X-CloudScheduler-JobName. */
  readonly name: string;
  readonly url: string;
  /** `POST` by default. */
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The service account of the call's OIDC token, as in a Scheduler job's `oidcToken.serviceAccountEmail`. */
  readonly serviceAccount?: string;
}

/** https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#RetryConfig */
export interface RetryPolicy {
  /** Attempts after the first; 0 by default, as in Cloud Scheduler. */
  readonly retryCount: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  /** How often the wait doubles before it grows by steps of the last doubling. */
  readonly maxDoublings: number;
  readonly attemptDeadlineMs: number;
}

const DEFAULT_RETRY: RetryPolicy = {
  retryCount: 0,
  minBackoffMs: 5000,
  maxBackoffMs: 3_600_000,
  maxDoublings: 5,
  attemptDeadlineMs: 180_000,
};

export interface ExecutionResult {
  readonly name: string;
  readonly scheduleTime: string | null;
  readonly attempts: number;
  /** Status of the last attempt; `null` without an answer. */
  readonly status: number | null;
  readonly ok: boolean;
  /** Why there was no answer. */
  readonly error?: string;
}

type Attempt = Pick<ExecutionResult, 'status' | 'ok' | 'error'>;

/** The wait before retry `n` (1, 2, ...): doubled `maxDoublings` times, then growing by as much each time, up to the maximum. */
export function backoffMs(n: number, { minBackoffMs, maxBackoffMs, maxDoublings }: RetryPolicy): number {
  const doubled = minBackoffMs * 2 ** Math.min(n - 1, maxDoublings);
  const steps = Math.max(0, n - 1 - maxDoublings);
  return Math.min(maxBackoffMs, doubled * (1 + steps));
}

/** Sends the request with Cloud Scheduler's headers until it is answered 2xx or the retries are used up. Never rejects. */
export async function executeJob(
  request: ScheduledRequest,
  options: {
    readonly scheduleTime: string | null;
    readonly retry?: Partial<RetryPolicy>;
    readonly signal: AbortSignal;
  },
): Promise<ExecutionResult> {
  const policy: RetryPolicy = { ...DEFAULT_RETRY, ...options.retry };
  const { scheduleTime, signal } = options;
  const headers = buildHeaders(request, scheduleTime);
  let attempts = 0;
  for (;;) {
    attempts += 1;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(policy.attemptDeadlineMs)]);
    const last = await attemptOnce(request, headers, deadline);
    if (last.ok || attempts > policy.retryCount || signal.aborted)
      return { name: request.name, scheduleTime, attempts, ...last };
    await delay(backoffMs(attempts, policy), undefined, { signal }).catch(() => {});
  }
}

function buildHeaders(request: ScheduledRequest, scheduleTime: string | null): Headers {
  const headers = new Headers(request.headers);
  if (request.body !== undefined && !headers.has('Content-Type'))
    headers.set('Content-Type', 'application/octet-stream');
  headers.set('User-Agent', 'Google-Cloud-Scheduler');
  headers.set('X-CloudScheduler', 'true');
  headers.set('X-CloudScheduler-JobName', request.name);
  if (request.serviceAccount !== undefined)
    headers.set('Authorization', `Bearer ${verifiedToken(request.serviceAccount, request.url)}`);
  if (scheduleTime !== null) headers.set('X-CloudScheduler-ScheduleTime', scheduleTime);
  return headers;
}

/**
 * The token as a Cloud Run service receives it: verified by the platform, which removes the signature.
 * https://cloud.google.com/run/docs/authenticating/service-to-service
 */
function verifiedToken(email: string, url: string): string {
  const claims = { iss: 'https://accounts.google.com', aud: new URL(url).origin, email, email_verified: true };
  const [header, payload] = [{ alg: 'RS256', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${header}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`;
}

async function attemptOnce(request: ScheduledRequest, headers: Headers, signal: AbortSignal): Promise<Attempt> {
  try {
    const body = request.body === undefined ? {} : { body: request.body };
    const init = { method: request.method ?? 'POST', headers, redirect: 'manual' as const, signal, ...body };
    const response = await fetch(request.url, init);
    await response.arrayBuffer();
    return { status: response.status, ok: response.ok };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { status: null, ok: false, error: cause instanceof Error ? cause.message : String(cause) };
  }
}
