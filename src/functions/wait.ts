import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../errors.ts';
import type { Answer } from './respond.ts';
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

export interface Snapshot {
  readonly body: unknown;
  readonly etag: string;
}

export interface Waits {
  /**
   * The state of `key` as soon as `until` accepts it, else the state when the time is up. `read` fetches the state from
   * upstream. Waiters of one key share one poll, whoever started it. Rejects with what `read` throws.
   */
  next(key: string, read: Read, wait: Wait, until?: (snapshot: Snapshot) => boolean): Promise<Snapshot>;
}

export type Read = (signal: AbortSignal) => Promise<unknown>;

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
  const polls = new Map<string, Promise<Snapshot>>();

  function poll(key: string, read: Read): Promise<Snapshot> {
    const shared = polls.get(key);
    if (shared !== undefined) return shared;
    const started = pause(POLL_MS)
      .then(() => snapshotOf(read))
      .finally(() => polls.delete(key));
    polls.set(key, started);
    return started;
  }

  return {
    async next(key, read, { ms, index }, until = ({ etag }) => etag !== index) {
      const deadline = now() + ms;
      let snapshot = await snapshotOf(read);
      while (!until(snapshot) && now() + POLL_MS <= deadline) snapshot = await poll(key, read);
      return snapshot;
    },
  };
}

/** The answer for a snapshot. A caller passes its ETag as `index` to wait for the next change. */
export function answerSnapshot({ body, etag }: Snapshot, wait: Wait): Pick<Answer, 'body' | 'headers'> {
  const applied = wait.preferred === undefined ? {} : { 'Preference-Applied': `wait=${wait.preferred}` };
  return { body, headers: { ETag: etag, ...applied } };
}

/**
 * The wait of a request: `?wait=30s&index=<etag>`, or `Prefer: wait=30` (RFC 7240). More than 50 seconds count as 50.
 * Throws InvalidRequestError for another form.
 */
export function waitOf({ headers }: Pick<IncomingMessage, 'headers'>, query: Query): Wait {
  const index = text(query, 'index');
  const asked = text(query, 'wait');
  if (asked !== undefined) return { ms: secondsOf(asked) * 1000, index };
  const preferred = /(?:^|[,;\s])wait=(\d{1,9})\b/.exec(String(headers['prefer'] ?? ''))?.[1];
  if (preferred === undefined) return { ms: 0, index };
  const seconds = Math.min(Number(preferred), MAX_WAIT_SEC);
  return { ms: seconds * 1000, index, preferred: seconds };
}

function secondsOf(asked: string): number {
  const [, number = '', unit] = /^(\d{1,9})(ms|s|m)?$/.exec(asked) ?? [];
  if (number === '') {
    const message = `is "${asked.slice(0, 40)}"; write a duration such as 30s`;
    throw new InvalidRequestError(`?wait ${message}`, [{ path: '?wait', message }]);
  }
  const seconds = unit === 'ms' ? Number(number) / 1000 : unit === 'm' ? Number(number) * 60 : Number(number);
  return Math.min(seconds, MAX_WAIT_SEC);
}

// The read belongs to every waiter: no single request's end may end it.
async function snapshotOf(read: Read): Promise<Snapshot> {
  const body = await read(AbortSignal.timeout(READ_MS));
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('base64url').slice(0, 22);
  return { body, etag: `"${hash}"` };
}
