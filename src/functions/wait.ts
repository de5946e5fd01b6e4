import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../errors.ts';
import type { Query } from './query.ts';
import { text } from './query.ts';

/** The parameters of a blocking query. */
export const WAIT_QUERY = ['wait', 'index'] as const;

/** How a caller waits: at most `ms` for a state whose ETag differs from `index`. */
export interface Wait {
  readonly ms: number;
  /** The ETag that the caller has; `undefined` where it has none, and the first state is the answer. */
  readonly index: string | undefined;
  /** The value of `Prefer: wait` that was honoured. */
  readonly preferred?: number;
}

export interface Snapshot<T> {
  readonly body: T;
  readonly etag: string;
}

export interface Waits {
  /**
   * The state of `key` as soon as `until` accepts it (by default: its ETag is not `index`), else the state when the time
   * is up. `read` fetches the state from upstream. Waiters of one key share one poll. Rejects with what `read` throws.
   */
  next<T>(key: string, read: Read<T>, wait: Wait, options?: NextOptions<T>): Promise<Snapshot<T>>;
}

export type Read<T> = (signal: AbortSignal) => Promise<T>;

export interface NextOptions<T> {
  readonly until?: (state: T) => boolean;
  /** The part of a state whose change counts; the whole state unless set. */
  readonly identity?: (state: T) => unknown;
}

export interface WaitsDeps {
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

// A proxy or load balancer in between may end a connection that is idle for 60 s.
const MAX_WAIT_SEC = 50;
const POLL_MS = 2_000;
const READ_MS = 10_000;

/**
 * Blocking queries as in Consul: https://developer.hashicorp.com/consul/api-docs/features/blocking. While anyone waits
 * for a key, its state is read once every two seconds, however many wait.
 */
export function createWaits({ now, pause }: WaitsDeps): Waits {
  const polls = new Map<string, Promise<unknown>>();

  function poll<T>(key: string, read: Read<T>): Promise<T> {
    const shared = polls.get(key);
    // One key is read in one way, so it has one type.
    if (shared !== undefined) return shared as Promise<T>;
    const started = pause(POLL_MS)
      .then(() => readOnce(read))
      .finally(() => polls.delete(key));
    polls.set(key, started);
    return started;
  }

  return {
    async next<T>(key: string, read: Read<T>, { ms, index }: Wait, { until, identity }: NextOptions<T> = {}) {
      const deadline = now() + ms;
      for (let body = await readOnce(read); ; body = await poll(key, read)) {
        const etag = etagOf(identity === undefined ? body : identity(body));
        const isDone = until === undefined ? etag !== index : until(body);
        if (isDone || now() + POLL_MS > deadline) return { body, etag };
      }
    },
  };
}

/** The answer for a snapshot. A caller passes its ETag as `index` to wait for the next change. */
export function answerSnapshot<T>({ body, etag }: Snapshot<T>, { preferred }: Wait) {
  const applied = preferred === undefined ? {} : { 'Preference-Applied': `wait=${preferred}` };
  return { body, headers: { ETag: etag, ...applied } };
}

/**
 * The wait of a request: `?wait=30s&index=<etag>`, or `Prefer: wait=30` (RFC 7240). It lasts at most 50 seconds, and
 * ends early enough for the answer to be in time for `requestTimeoutMs`. Throws InvalidRequestError for another form.
 */
export function waitOf({ headers }: Pick<IncomingMessage, 'headers'>, query: Query, requestTimeoutMs: number): Wait {
  const limitSec = Math.max(0, Math.min(MAX_WAIT_SEC, (requestTimeoutMs - READ_MS) / 1000));
  const index = text(query, 'index');
  const asked = text(query, 'wait');
  if (asked !== undefined) return { ms: Math.min(secondsOf(asked), limitSec) * 1000, index };
  const preferred = /(?:^|[,;\s])wait=(\d{1,9})\b/.exec(String(headers['prefer'] ?? ''))?.[1];
  if (preferred === undefined) return { ms: 0, index };
  const seconds = Math.min(Number(preferred), Math.floor(limitSec));
  return { ms: seconds * 1000, index, preferred: seconds };
}

function secondsOf(asked: string): number {
  const [, number = '', unit] = /^(\d{1,9})(ms|s|m)?$/.exec(asked) ?? [];
  if (number === '') {
    const message = `is "${asked.slice(0, 40)}"; write a duration such as 30s`;
    throw new InvalidRequestError(`?wait ${message}`, [{ path: '?wait', message }]);
  }
  if (unit === 'ms') return Number(number) / 1000;
  return unit === 'm' ? Number(number) * 60 : Number(number);
}

// The read belongs to every waiter: no single request's end may end it.
function readOnce<T>(read: Read<T>): Promise<T> {
  return read(AbortSignal.timeout(READ_MS));
}

function etagOf(identity: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('base64url').slice(0, 22);
  return `"${hash}"`;
}
