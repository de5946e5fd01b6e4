import { InvalidRequestError, NotFoundError } from '../errors.ts';
import { readSchedules } from '../runs/schedules.ts';
import { isTick } from '../runs/ticks.ts';
import type { Values } from '../values/parse-values.ts';
import { parseValues } from '../values/parse-values.ts';
import type { AggregateDeps, AggregateHandler } from './aggregate-deps.ts';
import { parseQuery, text } from './query.ts';
import { RUN_QUERY, startRun } from './runs.ts';

/** The schedules of the configured values. */
export async function schedulesOf(deps: AggregateDeps, signal: AbortSignal): Promise<Values['schedules']> {
  return parseValues(await deps.configuredValues(signal)).schedules;
}

/** `GET /schedules` */
export const listSchedules: AggregateHandler = async (deps, req, signal) => {
  parseQuery(req.url, []);
  return { status: 200, body: { schedules: await readSchedules(deps, await schedulesOf(deps, signal), { signal }) } };
};

/** `POST /schedules/<name>/backfill?tick=` */
export const backfill: AggregateHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, [...RUN_QUERY, 'tick']);
  const name = String(req.params['name'] ?? '');
  const schedule = (await schedulesOf(deps, signal)).find((candidate) => candidate.name === name);
  if (schedule === undefined)
    throw new NotFoundError(
      `There is no schedule "${name.slice(0, 200)}" in the configured values. GET /schedules lists them.`,
    );
  const tick = new Date(text(query, 'tick') ?? Number.NaN);
  if (Number.isNaN(tick.getTime()) || tick > deps.now() || !isTick(schedule, tick)) {
    const message = `is not a past tick of "${schedule.cron}" (${schedule.timeZone ?? 'UTC'}); write it as GET /schedules does, e.g. 2026-11-22T02:00:00Z`;
    throw new InvalidRequestError(`?tick ${message}.`, [{ path: '?tick', message }]);
  }
  return startRun(deps, req, signal, { query, scheduler: { job: name, tick } });
};
