import type { Health } from './health.ts';
import { describeTrouble } from './readiness.ts';
import type { ReleaseEvent, Report } from './request.ts';
import type { Observation } from './rollout.ts';

/** Reports what differs between two observations in a row: the readiness of objects, and problems of pods. */
export function reportChanges(report: Report | undefined, before: Observation, now: Observation): void {
  if (report === undefined) return;
  const known = new Set(eventsOf(before).map(({ message }) => message));
  for (const event of eventsOf(now)) if (!known.has(event.message)) report(event);
}

function eventsOf({ readiness, troubles }: Observation): ReleaseEvent[] {
  return [
    ...readiness.flatMap(({ kind, name, verdict }): ReleaseEvent[] => {
      if (verdict.kind === 'ready') return [{ event: 'ready', message: `${kind} ${name} is ready` }];
      // A pod's problem has an event of its own.
      return verdict.kind === 'waiting' ? [{ event: 'waiting', message: verdict.why.replace(/; pod .*$/s, '') }] : [];
    }),
    ...troubles.map((trouble): ReleaseEvent => ({ event: 'pod', message: describeTrouble(trouble) })),
  ];
}

export function reportHealth(report: Report | undefined, health: readonly Health[]): void {
  for (const { service, status, message } of health) {
    const why = message === undefined ? '' : `: ${message}`;
    report?.({ event: 'health', message: `Service ${service} is ${status}${why}` });
  }
}
