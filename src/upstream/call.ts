import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { AppError, type DeadlineError } from '../errors.ts';

/** The result of one request. A failed request is sent again if its error is retryable and time is left. */
export type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: AppError; readonly retryAfterMs?: number | undefined };

export interface UpstreamCall<T> {
  /** Limit for the whole call, retries included. */
  readonly timeoutMs: number;
  /** Maximum number of requests; 1 for a call that is not idempotent. */
  readonly maxRequests: number;
  /** The caller's signal, which ends the call early. */
  readonly signal: AbortSignal | undefined;
  /** Sends one request. Must settle once its signal aborts. */
  readonly send: (signal: AbortSignal) => Promise<Answer<T>>;
  /** Builds the error to throw when the deadline passes or the caller's signal aborts. */
  readonly onDeadline: (elapsedMs: number, reason: unknown) => DeadlineError;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2_000;

/**
 * Runs a call to an upstream service under one deadline. A request whose error is retryable is sent again after an
 * exponential backoff with jitter, or after `Retry-After` if that is longer; when the pause does not fit into the
 * remaining time, the error is thrown at once. Throws what `send` reports, or the deadline's error.
 */
export async function callUpstream<T>(call: UpstreamCall<T>): Promise<T> {
  const deadline = startDeadline(call.timeoutMs, call.signal);
  let retryAfterMs = 0;
  async function sendOnce(): Promise<T> {
    const answer = await call.send(deadline.signal);
    if (answer.kind === 'value') return answer.value;
    retryAfterMs = answer.retryAfterMs ?? 0;
    throw answer.error;
  }
  async function shouldRetry({ error, retryDelay }: { error: Error; retryDelay: number }): Promise<boolean> {
    if (!(error instanceof AppError) || !error.retryable) return false;
    if (Math.max(retryDelay, retryAfterMs) >= deadline.remainingMs()) return false;
    // p-retry does not know Retry-After: it waits `retryDelay` after this function returns.
    await sleep(Math.max(0, retryAfterMs - retryDelay), undefined, { signal: deadline.signal });
    return true;
  }
  try {
    return await pRetry(sendOnce, {
      retries: call.maxRequests - 1,
      minTimeout: FIRST_BACKOFF_MS,
      maxTimeout: MAX_BACKOFF_MS,
      randomize: true,
      signal: deadline.signal,
      shouldRetry,
    });
  } catch (error) {
    if (deadline.signal.aborted) throw call.onDeadline(deadline.elapsedMs(), deadline.signal.reason);
    throw error;
  } finally {
    deadline.clear();
  }
}

/** Aborts after `timeoutMs`, or together with `outer`. The caller must call `clear`. */
export function startDeadline(timeoutMs: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const startedAt = performance.now();
  function abort(): void {
    return controller.abort(outer?.reason ?? new Error(`the deadline of ${timeoutMs} ms passed`));
  }
  let timer = setTimeout(abort, timeoutMs);
  outer?.addEventListener('abort', abort, { once: true });
  if (outer?.aborted === true) abort();
  return {
    signal: controller.signal,
    elapsedMs: (): number => performance.now() - startedAt,
    remainingMs: (): number => timeoutMs - (performance.now() - startedAt),
    /** Stops the timer. */
    pause: (): void => clearTimeout(timer),
    /** Starts the timer again with the full timeout. */
    restart: (): void => {
      clearTimeout(timer);
      timer = setTimeout(abort, timeoutMs);
    },
    clear: (): void => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** Milliseconds of a Retry-After header in seconds. A date is ignored, so that the own backoff applies. */
export function parseRetryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const seconds = headers['retry-after'];
  return seconds !== undefined && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

/** Whether a status means that the same request may succeed later: https://cloud.google.com/storage/docs/retry-strategy */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Rejects with the signal's reason as soon as it aborts, whatever `work` does afterwards. */
export async function raceSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  function onAbort(): void {
    aborted.reject(signal?.reason);
  }
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
