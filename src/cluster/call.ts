import { setTimeout as sleep } from 'node:timers/promises';
import {
  type HttpLibrary,
  type ConfigurationOptions,
  type RequestContext,
  type ResponseContext,
} from '@kubernetes/client-node';
import { type AppError, UnavailableError } from '../errors.ts';
import {
  type Attempt,
  describeAttempt,
  isForeignNotFound,
  readRefusal,
  type Refusal,
  translateDeadline,
  translateFailure,
  translateRefusal,
} from './api-errors.ts';
import { createHttpLibrary } from './http-library.ts';
import type { CallOptions } from './port.ts';

/** One call to the API server. `O` are outcomes that are not errors to the caller. */
export interface Call<T, O> extends Attempt {
  readonly options: CallOptions | undefined;
  /** Whether the call may be sent again after an answer that got lost. */
  readonly isIdempotent: boolean;
  readonly send: (options: ConfigurationOptions) => Promise<T>;
  /** The value that a refusal stands for; `undefined` makes it an error. */
  readonly outcome?: (refusal: Refusal) => O | undefined;
  /** Sent instead of what the generated client makes of the body: it drops fields that its models lack. */
  readonly body?: string;
  /** The kind of patch, instead of the generated client's json-patch. */
  readonly contentType?: string;
  readonly expects?: 'json' | 'text';
}

export type Caller = <T, O = never>(call: Call<T, O>) => Promise<T | O>;

export interface CallerOptions {
  readonly send: (context: RequestContext) => Promise<ResponseContext>;
  /** The cluster, for messages. */
  readonly where: string;
  /** Of a whole call, with its retries. */
  readonly deadlineMs: number;
  /** At most this many requests for one idempotent call. */
  readonly maxAttempts: number;
  readonly random?: () => number;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2_000;

interface Deadline {
  readonly signal: AbortSignal;
  elapsedMs(): number;
  remainingMs(): number;
  clear(): void;
}

/** One request: its value, or the outcome a refusal stands for; else an error of ours, with how long to wait at least. */
type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: AppError; readonly retryAfterMs?: number };

/**
 * Sends calls under one deadline each. Idempotent ones are repeated while their error may pass and time is left.
 * Throws AppError only.
 */
export function createCaller(options: CallerOptions): Caller {
  const sendOnce = createSendOnce(options);
  const { where, maxAttempts, random = Math.random } = options;

  return async (call) => {
    const deadline = startDeadline(options.deadlineMs, call.options?.signal);
    try {
      for (let attempt = 0; ; attempt += 1) {
        const answer = await sendOnce(call, deadline.signal);
        if (answer.kind === 'value') return answer.value;
        if (deadline.signal.aborted) throw translateDeadline(call, where, deadline.elapsedMs());
        const backoffMs = buildBackoffMs(attempt, answer.retryAfterMs, random());
        const isLast = !call.isIdempotent || attempt + 1 >= maxAttempts || backoffMs >= deadline.remainingMs();
        if (isLast || !answer.error.retryable) throw answer.error;
        await sleep(backoffMs, undefined, { signal: deadline.signal }).catch(() => {
          throw translateDeadline(call, where, deadline.elapsedMs());
        });
      }
    } finally {
      deadline.clear();
    }
  };
}

function createSendOnce({ send, where }: CallerOptions) {
  function buildLibrary(
    call: Attempt & Pick<Call<unknown, unknown>, 'body' | 'contentType' | 'expects'>,
    signal: AbortSignal,
  ): HttpLibrary {
    return createHttpLibrary(async (context) => {
      context.setSignal(signal);
      if (call.body !== undefined) context.setBody(call.body);
      if (call.contentType !== undefined) context.setHeaderParam('Content-Type', call.contentType);
      const answer = await send(context);
      checkAnswer(call, answer, where);
      // An empty log has no content type, and the generated client refuses an answer without one.
      if (call.expects === 'text') answer.headers['content-type'] = 'text/plain';
      return answer;
    });
  }

  return async <T, O>(call: Call<T, O>, signal: AbortSignal): Promise<Answer<T | O>> => {
    try {
      return { kind: 'value', value: await call.send({ httpApi: buildLibrary(call, signal) }) };
    } catch (error) {
      const refusal = readRefusal(error);
      if (refusal === null) return { kind: 'failed', error: translateFailure(call, error, where) };
      if (isForeignNotFound(call, refusal)) return { kind: 'failed', error: noKubernetes(call, '404', where) };
      const outcome = call.outcome?.(refusal);
      if (outcome !== undefined) return { kind: 'value', value: outcome };
      return {
        kind: 'failed',
        error: translateRefusal(call, refusal, where),
        ...(refusal.retryAfterMs !== undefined && { retryAfterMs: refusal.retryAfterMs }),
      };
    }
  };
}

/** A proxy or a login page may answer 200 with something else, which the generated client takes for an object. */
function checkAnswer(
  call: Attempt & Pick<Call<unknown, unknown>, 'expects'>,
  answer: ResponseContext,
  where: string,
): void {
  if (answer.httpStatusCode >= 300 || call.expects === 'text') return;
  const type = answer.headers['content-type'];
  if (type !== undefined && /^application\/json\b/.test(type)) return;
  throw noKubernetes(call, `${answer.httpStatusCode} with ${type ?? 'no content type'} where JSON is due`, where);
}

function noKubernetes(call: Attempt, answer: string, where: string): UnavailableError {
  return new UnavailableError(
    `Could not ${describeAttempt(call)}: ${where} answered ${answer}, and nothing that Kubernetes says. Is that address a Kubernetes API?`,
  );
}

/** Aborts after `deadlineMs`, or with the caller's signal. */
function startDeadline(deadlineMs: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const startedAt = performance.now();
  function abort(): void {
    return controller.abort(new Error('the deadline of the call passed'));
  }
  const timer = setTimeout(abort, deadlineMs);
  outer?.addEventListener('abort', abort, { once: true });
  if (outer?.aborted === true) abort();
  function elapsedMs(): number {
    return performance.now() - startedAt;
  }
  return {
    signal: controller.signal,
    elapsedMs,
    remainingMs: () => deadlineMs - elapsedMs(),
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/ */
function buildBackoffMs(attempt: number, retryAfterMs: number | undefined, random: number): number {
  return Math.max(retryAfterMs ?? 0, random * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** attempt));
}
