import { Cron } from 'croner';

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
  // Backwards: a year of minutes walked through from its begin would hold up everything else of the process for seconds.
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
