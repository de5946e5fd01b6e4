import { setTimeout as delay } from 'node:timers/promises';
import { executeJob } from './scheduler/execute.ts';
import type { ExecutionResult, RetryPolicy, ScheduledRequest } from './scheduler/execute.ts';
import { buildTicks } from './scheduler/ticks.ts';

export interface SchedulerJob extends ScheduledRequest {
  /** Five fields, as Cloud Scheduler's unix-cron format. */
  readonly cron: string;
  /** IANA name; UTC by default. */
  readonly timeZone?: string;
  readonly retry?: Partial<RetryPolicy>;
}

export interface SchedulerInterval extends ScheduledRequest {
  readonly everyMs: number;
}

export interface SchedulerOptions {
  /** Called at every check of the clock, so that changed values change the schedule. */
  readonly jobs: () => readonly SchedulerJob[];
  readonly intervals?: readonly SchedulerInterval[];
  /** For jobs without their own setting. */
  readonly retry?: Partial<RetryPolicy>;
  readonly now?: () => number;
  /** Milliseconds between checks of the clock; 500 by default. */
  readonly pollMs?: number;
  readonly onResult?: (result: ExecutionResult) => void;
  /** Called for a job that cannot be scheduled (an invalid cron line or time zone), once per message. */
  readonly onFault?: (job: string, message: string) => void;
}

export interface Scheduler {
  /**
   * Cloud Scheduler's "force run": at once, even while the job is running (so its documentation). The header
   * `X-CloudScheduler-ScheduleTime` is left out, or names the job's next tick: both have been seen.
   * @throws when there is no job or interval of that name
   */
  runNow(name: string, options?: { readonly scheduleTime?: 'none' | 'next' }): Promise<ExecutionResult>;
  /** The next tick of a job or interval; `null` for a name that has none. */
  nextTick(name: string): Date | null;
  /** Aborts outstanding requests. */
  close(): Promise<void>;
}

/**
 * Cloud Scheduler for a laptop: requests at the ticks of cron lines and at fixed intervals. A job's execution, retries
 * included, is never outstanding twice: a tick that falls into it is sent late, once; further ones are lost.
 * @throws when a cron line or a time zone of the first `jobs()` is not one
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { now = Date.now, pollMs = 500, onResult = () => {}, onFault = () => {} } = options;
  const stop = new AbortController();
  const running = new Map<string, Promise<ExecutionResult>>();
  const ticks = buildTicks(options.jobs(), options.intervals ?? [], now());
  const faults = new Set<string>();

  async function execute(request: ScheduledRequest & { retry?: Partial<RetryPolicy> }, scheduleTime: string | null) {
    const result = await executeJob(request, {
      scheduleTime,
      retry: { ...options.retry, ...request.retry },
      signal: stop.signal,
    });
    onResult(result);
    return result;
  }

  function refresh(): void {
    for (const { job, message } of ticks.update(options.jobs(), now())) {
      const wording = `${job}: ${message}`;
      if (!faults.has(wording)) onFault(job, message);
      faults.add(wording);
    }
  }

  function look(): void {
    refresh();
    for (const due of ticks.due(now())) {
      const { name } = due.request;
      if (running.has(name)) continue;
      running.set(
        name,
        execute(due.request, due.scheduleTime).finally(() => running.delete(name)),
      );
      ticks.advance(name, now());
    }
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      look();
      await delay(pollMs, undefined, { signal: stop.signal }).catch(() => {});
    }
    await Promise.all(running.values());
  }
  const ended = loop();

  return {
    runNow: (name, { scheduleTime = 'none' } = {}) => {
      refresh();
      const entry = ticks.find(name);
      if (entry === null) return Promise.reject(new Error(`there is no scheduled job "${name}"`));
      return execute(entry.request, scheduleTime === 'next' ? entry.scheduleTime : null);
    },
    nextTick: (name) => ticks.find(name)?.next ?? null,
    close: async () => {
      stop.abort();
      await ended;
    },
  };
}
