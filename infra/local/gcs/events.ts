import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import type { Chaos, PlannedDelivery } from './chaos.ts';
import { planDeliveries } from './chaos.ts';
import type { BinaryEvent } from './cloud-event.ts';
import { buildFinalizedEvent } from './cloud-event.ts';
import { createGate } from './gate.ts';
import type { ObjectResource } from './resource.ts';

export interface EventDeliveryOptions {
  /**
   * Target URLs. Their number is read for each event (without any, it counts as delivered), the URLs at each attempt;
   * `undefined` is a target that does not listen yet, and is retried later.
   */
  readonly targets: () => readonly (string | undefined)[];
  /** Duplicates, delays and reorders events, as Eventarc may at any time. */
  readonly chaos?: Chaos;
  readonly log?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
  /** First pause before a retry; it doubles. 1000; Eventarc's is 10,000. */
  readonly baseBackoffMs?: number;
  /** 60,000; Eventarc's is 600,000. */
  readonly maxBackoffMs?: number;
  /** 10,000, as Eventarc's acknowledgement deadline. */
  readonly timeoutMs?: number;
  /** 24 hours, after which Eventarc, too, drops an event. */
  readonly retentionMs?: number;
  /** Deliveries under way at once; 80. */
  readonly concurrency?: number;
  /** Milliseconds of a monotonic clock; `performance.now`. */
  readonly now?: () => number;
}

export interface EventDelivery {
  /** Resolves once every target has acknowledged the event with 2xx (or it was dropped); rejects if closed first. */
  readonly onFinalize: (object: ObjectResource) => Promise<void>;
  /** Resolves once all events are delivered. */
  drain(): Promise<void>;
  /** Ends all attempts. Undelivered events stay undelivered. */
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const ONCE: readonly PlannedDelivery[] = [{ delayMs: 0, isOtherMessage: false }];

/** Delivers finalize events as Eventarc does: binary-mode CloudEvents, at least once, in no guaranteed order. */
export function createEventDelivery(options: EventDeliveryOptions): EventDelivery {
  const { targets, chaos, log, baseBackoffMs = 1_000, maxBackoffMs = 60_000, timeoutMs = 10_000 } = options;
  const { retentionMs = 24 * HOUR_MS, concurrency = 80, now = () => performance.now() } = options;
  const closing = new AbortController();
  // One listener for each waiting event, so the number is not limited.
  setMaxListeners(0, closing.signal);
  const { post, close } = createPost(timeoutMs, closing.signal);
  const gate = createGate(concurrency);
  const counts = new Map<string, number>();
  const pending = new Set<Promise<void>>();

  function pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: closing.signal });
  }
  async function deliver(index: number, event: BinaryEvent, subject: string): Promise<void> {
    const giveUpAt = now() + retentionMs;
    for (let attempt = 0; ; attempt += 1) {
      const target = targets()[index];
      const problem = await gate.pass(async () => (target === undefined ? 'not started' : post(target, event)));
      if (problem === null) return;
      closing.signal.throwIfAborted();
      const backoffMs = Math.min(maxBackoffMs, baseBackoffMs * 2 ** attempt);
      const isLast = now() + backoffMs > giveUpAt;
      log?.(isLast ? 'event given up' : 'event not delivered', { subject, target, attempt, problem, backoffMs });
      if (isLast) return;
      await pause(backoffMs);
    }
  }
  function planFor(object: ObjectResource): readonly PlannedDelivery[] {
    if (chaos === undefined) return ONCE;
    const key = `${object.bucket}/${object.name}`;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return planDeliveries(chaos, key, count);
  }
  async function deliverAll(object: ObjectResource): Promise<void> {
    const deliveries = planFor(object).flatMap(({ delayMs, isOtherMessage }, copy) => {
      const id = isOtherMessage ? `${object.generation}${copy}` : object.generation;
      const event = buildFinalizedEvent(object, id);
      return targets().map(async (_, index) => {
        if (delayMs > 0) await pause(delayMs);
        await deliver(index, event, `${object.bucket}/${object.name}`);
      });
    });
    await Promise.all(deliveries);
  }

  return {
    async onFinalize(object) {
      const work = deliverAll(object);
      pending.add(work);
      await work.finally(() => pending.delete(work));
    },
    async drain() {
      while (pending.size > 0) await Promise.allSettled(pending);
    },
    async close() {
      closing.abort(new Error('the delivery of events was closed'));
      await Promise.allSettled(pending);
      await close();
    },
  };
}

function createPost(timeoutMs: number, closed: AbortSignal) {
  const agent = new Agent({ connections: 100, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
  async function post(target: string, { headers, body }: BinaryEvent): Promise<string | null> {
    const url = new URL(target);
    const signal = AbortSignal.any([closed, AbortSignal.timeout(timeoutMs)]);
    try {
      const response = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'POST',
        headers: { ...headers },
        body,
        signal,
      });
      await response.body.dump();
      return response.statusCode >= 200 && response.statusCode < 300 ? null : `status ${response.statusCode}`;
    } catch (error) {
      return error instanceof Error ? error.message || error.name : String(error);
    }
  }
  return { post, close: (): Promise<void> => agent.destroy() };
}
