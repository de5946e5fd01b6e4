import { Cron } from 'croner';
import type { SchedulerInterval, SchedulerJob } from '../scheduler.ts';

export interface Tick {
  readonly request: SchedulerJob | SchedulerInterval;
  readonly next: Date;
  /** `next` as the header X-CloudScheduler-ScheduleTime carries it. */
  readonly scheduleTime: string;
}

interface Entry {
  readonly request: SchedulerJob | SchedulerInterval;
  readonly after: (fromMs: number) => Date | null;
  readonly next: Date | null;
}

export interface Ticks {
  /** Replaces the jobs. Returns those that cannot be scheduled, with the reason. */
  update(jobs: readonly SchedulerJob[], nowMs: number): readonly { readonly job: string; readonly message: string }[];
  due(nowMs: number): readonly Tick[];
  /** Records that the tick was sent: the next one is the first after now. */
  advance(name: string, nowMs: number): void;
  find(name: string): Tick | null;
}

/** RFC 3339 in the job's own zone: Cloud Scheduler's header may carry an offset, and a reader must normalise it. */
export function formatScheduleTime(time: Date, timeZone = 'UTC'): string {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, timeZoneName: 'longOffset' }).formatToParts(time);
  const offset = parts.find(({ type }) => type === 'timeZoneName')?.value.replace('GMT', '') ?? '';
  if (offset === '' || offset === '+00:00') return time.toISOString().replace('.000Z', 'Z');
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)/.exec(offset) ?? [];
  const shiftMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return new Date(time.getTime() + shiftMs).toISOString().replace(/(\.000)?Z$/, offset);
}

/**
 * The next tick of every job and interval. Intervals tick at multiples of their length since the epoch.
 * @throws when a cron line or a time zone of `jobs` is not one, or an interval is not a positive number
 */
export function buildTicks(
  jobs: readonly SchedulerJob[],
  intervals: readonly SchedulerInterval[],
  nowMs: number,
): Ticks {
  const fixed = intervals.map((interval) => {
    if (!(interval.everyMs > 0)) throw new RangeError(`interval "${interval.name}": everyMs must be above 0`);
    return intervalEntry(interval, nowMs);
  });
  const entries = new Map(
    [...fixed, ...jobs.map((job) => jobEntry(job, nowMs))].map((entry) => [entry.request.name, entry]),
  );
  const fixedNames = new Set(intervals.map(({ name }) => name));

  function renew(job: SchedulerJob, from: number): void {
    const known = entries.get(job.name)?.request;
    const same = known !== undefined && 'cron' in known && known.cron === job.cron && known.timeZone === job.timeZone;
    const entry = same ? entries.get(job.name) : undefined;
    entries.set(job.name, entry === undefined ? jobEntry(job, from) : { ...entry, request: job });
  }

  return {
    update: (current, now) => {
      const names = new Set(current.map(({ name }) => name));
      for (const name of entries.keys()) if (!names.has(name) && !fixedNames.has(name)) entries.delete(name);
      return current.flatMap((job) => {
        try {
          renew(job, now);
          return [];
        } catch (error) {
          entries.delete(job.name);
          return [{ job: job.name, message: error instanceof Error ? error.message : String(error) }];
        }
      });
    },
    due: (now) =>
      [...entries.values()].flatMap((entry) => {
        const tick = toTick(entry);
        return tick !== null && tick.next.getTime() <= now ? [tick] : [];
      }),
    advance: (name, now) => {
      const entry = entries.get(name);
      if (entry !== undefined) entries.set(name, { ...entry, next: entry.after(now) });
    },
    find: (name) => {
      const entry = entries.get(name);
      return entry === undefined ? null : toTick(entry);
    },
  };
}

function intervalEntry(interval: SchedulerInterval, nowMs: number): Entry {
  function after(fromMs: number): Date {
    return new Date((Math.floor(fromMs / interval.everyMs) + 1) * interval.everyMs);
  }
  return { request: interval, after, next: after(nowMs) };
}

function jobEntry(job: SchedulerJob, nowMs: number): Entry {
  const cron = new Cron(job.cron, { paused: true, mode: '5-part', timezone: job.timeZone ?? 'UTC' });
  function after(fromMs: number): Date | null {
    return cron.nextRun(new Date(fromMs));
  }
  // An unknown zone is detected only when a date is computed.
  return { request: job, after, next: after(nowMs) };
}

function toTick({ request, next }: Entry): Tick | null {
  return (
    next && { request, next, scheduleTime: formatScheduleTime(next, 'timeZone' in request ? request.timeZone : 'UTC') }
  );
}
