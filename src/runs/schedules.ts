import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallOptions } from '../storage/port.ts';
import type { ScheduleValues } from '../values/schema.ts';
import type { ScheduleState } from './schedule-slot.ts';
import { readSchedule, writeSchedule } from './schedule-slot.ts';
import type { RunSummary, StateDeps } from './store.ts';
import { listRuns } from './store.ts';
import { Cron } from 'croner';

export interface SchedulesDeps extends StateDeps {
  readonly now: () => Date;
  readonly log: Log;
}

/** A schedule of the values: what was expected, what ran, what is missing. Times are RFC 3339 in UTC. */
export interface ScheduleStatus {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly concurrencyPolicy: 'Allow' | 'Forbid' | 'Replace';
  /** Absent until the first sweep after it appeared in the values. */
  readonly firstSeenAt?: string;
  readonly nextTick: string | null;
  /** Of the last 1,000 ticks since then. */
  readonly expected: number;
  readonly ran: number;
  readonly missing: readonly string[];
}

const MOST_TICKS = 1_000;
// Cloud Scheduler retries for a while, and a run is claimed within seconds of its tick.
const GRACE_MS = 5 * 60_000;

/** Every schedule of the values, with its missing ticks. Reads only. */
export async function readSchedules(
  deps: SchedulesDeps,
  schedules: readonly ScheduleValues[],
  call: CallOptions = {},
): Promise<readonly ScheduleStatus[]> {
  if (schedules.length === 0) return [];
  const ran = ticksThatRan(await Array.fromAsync(listRuns(deps, call)));
  return Promise.all(
    schedules.map(async (schedule) => {
      const { state } = await readSchedule(deps, schedule.name, call);
      return statusOf(schedule, state, ran.get(schedule.name) ?? new Set(), deps.now());
    }),
  );
}

/** The ticks for which there is a run, by schedule. */
function ticksThatRan(runs: readonly RunSummary[]): ReadonlyMap<string, ReadonlySet<number>> {
  const ran = new Map<string, Set<number>>();
  for (const { schedule, tick } of runs) {
    if (schedule === undefined || tick === undefined) continue;
    ran.set(schedule, (ran.get(schedule) ?? new Set()).add(Date.parse(tick)));
  }
  return ran;
}

function statusOf(schedule: ScheduleValues, state: ScheduleState, ran: ReadonlySet<number>, now: Date): ScheduleStatus {
  const { name, cron, timeZone = 'UTC', concurrencyPolicy = 'Allow' } = schedule;
  const firstSeenAt = isCurrent(schedule, state) ? state.firstSeenAt : undefined;
  const due = new Date(now.getTime() - GRACE_MS);
  const ticks = firstSeenAt === undefined ? [] : ticksBetween(schedule, new Date(firstSeenAt), due, MOST_TICKS);
  const missing = ticks.filter((tick) => !ran.has(tick.getTime()));
  return {
    name,
    cron,
    timeZone,
    concurrencyPolicy,
    ...(firstSeenAt !== undefined && { firstSeenAt }),
    nextTick: nextTick(schedule, now)?.toISOString() ?? null,
    expected: ticks.length,
    ran: ticks.length - missing.length,
    missing: missing.map((tick) => tick.toISOString()),
  };
}

/** Records new schedules, and logs each missing tick once with severity ERROR. Returns the number of logged ticks. */
export async function sweepSchedules(
  deps: SchedulesDeps,
  schedules: readonly ScheduleValues[],
  runs: readonly RunSummary[],
  call: CallOptions = {},
): Promise<number> {
  if (schedules.length === 0) return 0;
  const ran = ticksThatRan(runs);
  let missed = 0;
  for (const schedule of schedules) {
    try {
      missed += await sweepSchedule(deps, schedule, ran.get(schedule.name) ?? new Set(), call);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      deps.log('WARNING', `Schedule ${schedule.name}: ${error.message}`, { schedule: schedule.name, code: error.code });
    }
  }
  return missed;
}

// Logged before it is recorded: if the function is killed in between, a tick is reported twice rather than never.
async function sweepSchedule(
  deps: SchedulesDeps,
  schedule: ScheduleValues,
  ran: ReadonlySet<number>,
  call: CallOptions,
): Promise<number> {
  const { state, generation } = await readSchedule(deps, schedule.name, call);
  const now = deps.now();
  if (state.firstSeenAt === undefined || !isCurrent(schedule, state)) {
    const seen = { ...state, firstSeenAt: now.toISOString(), rule: ruleOf(schedule) };
    await writeSchedule(deps, schedule.name, seen, generation, call);
    return 0;
  }
  const { missing } = statusOf(schedule, state, ran, now);
  const fresh = missing.filter(
    (tick) => state.toldUntil === undefined || Date.parse(tick) > Date.parse(state.toldUntil),
  );
  const last = fresh.at(-1);
  if (last === undefined && state.rule !== undefined) return 0;
  report(deps, schedule.name, fresh);
  // State of an earlier version has no rule.
  const next = { ...state, rule: ruleOf(schedule), ...(last !== undefined && { toldUntil: last }) };
  await writeSchedule(deps, schedule.name, next, generation, call);
  return fresh.length;
}

/** Whether the expectations are those of the schedule's rule: after a change of cron or zone they start anew. */
function isCurrent(schedule: ScheduleValues, { rule }: ScheduleState): boolean {
  return rule === undefined || rule === ruleOf(schedule);
}

function ruleOf({ cron, timeZone = 'UTC' }: ScheduleValues): string {
  return `${cron} ${timeZone}`;
}

function report(deps: SchedulesDeps, name: string, ticks: readonly string[]): void {
  for (const tick of ticks) {
    const remedy = `POST /schedules/${name}/backfill?tick=${tick} runs it`;
    deps.log('ERROR', `Schedule ${name}: the tick of ${tick} did not run; ${remedy}.`, {
      schedule: name,
      tick,
      missedTick: true,
    });
  }
}

export interface TickRule {
  /** Five fields, as Cloud Scheduler's unix-cron. */
  readonly cron: string;
  /** IANA name; UTC by default. */
  readonly timeZone?: string | undefined;
}

/** The newest `most` ticks after `after` and not after `until`, oldest first. Pure. */
export function ticksBetween(rule: TickRule, after: Date, until: Date, most: number): Date[] {
  const cron = cronOf(rule);
  const ticks: Date[] = [];
  // Backwards: walking through a year of minutes from its start would block the process for seconds.
  let at = new Date(until.getTime() + 1_000);
  while (ticks.length < most) {
    const [tick] = cron.previousRuns(1, at);
    if (tick === undefined || tick <= after) break;
    if (tick <= until) ticks.push(tick);
    at = tick;
  }
  return ticks.toReversed();
}

function cronOf({ cron, timeZone }: TickRule): Cron {
  return new Cron(cron, { paused: true, mode: '5-part', timezone: timeZone ?? 'UTC' });
}

/** The first tick after `now`, or `null` where there is none any more. Pure. */
export function nextTick(rule: TickRule, now: Date): Date | null {
  return cronOf(rule).nextRun(now);
}

/** Whether `at` is a tick of the rule. Pure. */
export function isTick(rule: TickRule, at: Date): boolean {
  return (
    cronOf(rule)
      .nextRun(new Date(at.getTime() - 1_000))
      ?.getTime() === at.getTime()
  );
}
