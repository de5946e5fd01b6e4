import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { Attempt } from './gcs-errors.ts';
import { translateDeadline, translateFailure } from './gcs-errors.ts';

/** What one request came to. `failed` is sent again when its error is retryable and time is left. */
export type Outcome<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: AppError; readonly retryAfterMs?: number | undefined };

export interface CallLimits {
  /** Of the whole call, with its retries. */
  readonly timeoutMs: number;
  readonly random?: () => number;
}

const MAX_ATTEMPTS = 5;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2_000;

/** Aborts after `timeoutMs`, or with `outer`; `clear` must follow. */
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
    /** The time stands still. */
    pause: (): void => clearTimeout(timer),
    /** The time starts anew. */
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

/**
 * Carries out an idempotent call under one deadline; it is repeated while its error may pass and time is left.
 * Throws AppError only.
 */
export async function callWithRetries<T>(
  attempt: Attempt,
  limits: CallLimits,
  outer: AbortSignal | undefined,
  send: (signal: AbortSignal) => Promise<Outcome<T>>,
): Promise<T> {
  const deadline = startDeadline(limits.timeoutMs, outer);
  const { random = Math.random } = limits;
  function late(): AppError {
    return translateDeadline(attempt, deadline.elapsedMs(), deadline.signal.reason);
  }
  async function sendOnce(): Promise<Outcome<T>> {
    try {
      return await send(deadline.signal);
    } catch (error) {
      return { kind: 'failed', error: error instanceof AppError ? error : translateFailure(attempt, error) };
    }
  }
  try {
    for (let count = 0; ; count += 1) {
      const outcome = await sendOnce();
      if (outcome.kind === 'value') return outcome.value;
      if (deadline.signal.aborted) throw late();
      const backoffMs = buildBackoffMs(count, outcome.retryAfterMs, random());
      const isLast = count + 1 >= MAX_ATTEMPTS || backoffMs >= deadline.remainingMs();
      if (isLast || !outcome.error.retryable) throw outcome.error;
      await sleep(backoffMs, undefined, { signal: deadline.signal }).catch(() => {
        throw late();
      });
    }
  } finally {
    deadline.clear();
  }
}

/** Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
function buildBackoffMs(attempt: number, retryAfterMs: number | undefined, random: number): number {
  return Math.max(retryAfterMs ?? 0, random * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt));
}
