import type { Request } from 'express';
import { cancelRun } from '../runs/cancel.ts';
import { launch } from '../runs/launch.ts';
import { MAX_LOG_LINES } from '../jobs/pod-log.ts';
import { aggregationIdProblem } from '../jobs/names.ts';
import { buildRunRequest } from '../runs/request.ts';
import { InvalidRequestError, NotFoundError } from '../errors.ts';
import { buildLaunchAnswer, buildRunAnswer } from '../runs/answer.ts';
import type { RunState, RunStatus } from '../runs/status.ts';
import { describeRun, logsOf, observeRun } from '../runs/status.ts';
import { listRecentRuns, listRuns } from '../runs/store.ts';
import { readSchedules } from '../runs/schedules.ts';
import { isTick } from '../runs/schedules.ts';
import type { Values } from '../values/parse-values.ts';
import { SET_KINDS } from '../values/overrides.ts';
import { parseValues } from '../values/parse-values.ts';
import type { AggregateDeps, AggregateHandler } from './aggregate.ts';
import { answerLog } from './logs.ts';
import type { Query } from './query.ts';
import { choice, flag, parseQuery, text, wholeNumber } from './query.ts';
import { readRequestValues } from './request-values.ts';
import type { Answer } from './respond.ts';
import type { SchedulerCall } from './caller.ts';
import { callerOf, schedulerCallOf } from './caller.ts';
import type { Wait } from './wait.ts';
import { answerSnapshot, WAIT_QUERY, waitOf } from './wait.ts';

const STATES = ['claimed', 'created', 'complete', 'failed', 'cancelled', 'gone', 'skipped'] as const;
/** States in which a run is not over. */
const LIVE_STATES: ReadonlySet<RunState> = new Set(['claimed', 'created', 'pending', 'running']);
const MAX_PAGE = 1_000;
// The retries that infra/terraform configures for a Scheduler job end before that.
const RETRIES_MS = 15 * 60_000;
const OVER_WITHOUT_RESULT: ReadonlySet<string> = new Set(['failed', 'cancelled', 'gone', 'skipped']);

/** How a run was requested. */
interface RunCall {
  readonly query: Query;
  readonly scheduler: SchedulerCall | undefined;
}

/** The query parameters of a call that starts a run. */
const RUN_QUERY = [...SET_KINDS, 'dryRun'] as const;

/** `POST /?wait=`: with `wait`, the answer is the final record, or 202 when the run is not over in time. */
export const postRun: AggregateHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, [...RUN_QUERY, 'wait']);
  const wait = waitOf(req, query, deps.requestTimeoutMs);
  const scheduler = schedulerCallOf(req, deps.now(), deps.schedulerServiceAccount);
  const answer = await startRun(deps, req, signal, { query, scheduler });
  if (wait.ms === 0 || flag(query, 'dryRun')) return answer;
  const { outcome, aggregationId: id, warnings } = answer.body;
  const { body, headers } = await nextRun(deps, id, wait, ({ state }) => !LIVE_STATES.has(state));
  return {
    ...answer,
    status: LIVE_STATES.has(body.state) ? 202 : answer.status,
    body: { outcome, ...body, ...(warnings !== undefined && { warnings }) },
    headers: { ...headers, Location: `/${encodeURIComponent(id)}` },
    log: { ...answer.log, state: body.state },
  };
};

/** The run after the wait, and its answer. */
async function nextRun(deps: AggregateDeps, id: string, wait: Wait, until?: (status: RunStatus) => boolean) {
  const options = { identity: buildRunAnswer, ...(until !== undefined && { until }) };
  const { body: status, etag } = await deps.waits.next(
    `run ${id}`,
    (signal) => describeRun(deps, id, { signal }),
    wait,
    options,
  );
  return { status, ...answerSnapshot({ body: buildRunAnswer(status), etag }, wait) };
}

/** `GET /` */
export const listAll: AggregateHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['limit', 'pageToken', 'state']);
  const limit = wholeNumber(query, 'limit', 1, MAX_PAGE) ?? 50;
  return {
    status: 200,
    body: await listRecentRuns(deps, {
      limit,
      pageToken: text(query, 'pageToken'),
      state: choice(query, 'state', STATES),
      signal,
    }),
  };
};

/** `GET /<aggregationId>?logs=&wait=&index=` */
export const showRun: AggregateHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['logs', ...WAIT_QUERY]);
  const lines = wholeNumber(query, 'logs', 1, MAX_LOG_LINES);
  const wait = waitOf(req, query, deps.requestTimeoutMs);
  const { status, body, headers } = await nextRun(deps, idOf(req), wait);
  const logs = lines === undefined ? undefined : await logsOf(deps, status, lines, { signal });
  return {
    status: 200,
    body: { ...body, ...(logs !== undefined && { logs }) },
    headers,
    log: { aggregationId: body.aggregationId, state: body.state },
  };
};

/** `GET /<aggregationId>/logs?follow=&tail=&timestamps=&after=`: the log of the newest pod, then of its successors. */
export const runLogs: AggregateHandler = async (deps, req, signal) => {
  const id = idOf(req);
  return answerLog(deps, req, signal, async (reading) => {
    const { record, state, pods } = await describeRun(deps, id, { signal: reading });
    return { namespace: record.spec.namespace, pod: pods.at(-1)?.name, isOver: !LIVE_STATES.has(state) };
  });
};

/** `DELETE /<aggregationId>` */
export const cancel: AggregateHandler = async (deps, req, signal) => {
  parseQuery(req.url, []);
  const by = callerOf(req);
  const id = idOf(req);
  // Records an end that only the Job's status shows: deleting the Job would lose it.
  await describeRun(deps, id, { signal });
  const stored = await cancelRun(deps, id, `Cancelled${by === undefined ? '' : ` by ${by}`}.`, signal);
  const body = buildRunAnswer(await observeRun(deps, stored, { signal }));
  return { status: 200, body, log: { aggregationId: id, state: body.state } };
};

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

/** Starts the run that a call requests: the configured values, the body's over them, `?set=` over both. */
async function startRun(deps: AggregateDeps, req: Request, signal: AbortSignal, call: RunCall) {
  const { query, scheduler } = call;
  const dryRun = flag(query, 'dryRun');
  const values = await readRequestValues(await deps.configuredValues(signal), req, query, deps.powers);
  const requestedBy = callerOf(req);
  const isForced = scheduler !== undefined && scheduler.tick === undefined;
  const request = buildRunRequest(values, {
    now: isForced ? await timeOfForcedRun(deps, scheduler.job, signal) : deps.now(),
    defaults: deps.defaults,
    ...(scheduler !== undefined && { scheduler }),
    ...(requestedBy !== undefined && { requestedBy }),
  });
  const outcome = await launch(deps, request, { dryRun, signal });
  const body = buildLaunchAnswer(outcome);
  const { aggregationId, trigger, state, schedule } = body;
  return {
    status: outcome.outcome === 'created' ? 201 : 200,
    body,
    ...(outcome.outcome === 'created' && { headers: { Location: `/${encodeURIComponent(aggregationId)}` } }),
    log: {
      trigger,
      aggregationId,
      outcome: outcome.outcome,
      state,
      ...(schedule !== undefined && { schedule: schedule.name }),
    },
  } satisfies Answer;
}

/**
 * The time of a forced run: that of one that began within the last 15 minutes and did not fail, as the call is then its
 * retry (Cloud Scheduler sends nothing that identifies a forced run), else the present.
 */
async function timeOfForcedRun(deps: AggregateDeps, job: string, signal: AbortSignal): Promise<Date> {
  const now = deps.now();
  let newest: string | undefined;
  for await (const { schedule, forcedAt, state } of listRuns(deps, { signal })) {
    if (schedule !== job || forcedAt === undefined || OVER_WITHOUT_RESULT.has(state)) continue;
    if (now.getTime() - Date.parse(forcedAt) <= RETRIES_MS && forcedAt > (newest ?? '')) newest = forcedAt;
  }
  return newest === undefined ? now : new Date(newest);
}

function idOf(req: Request): string {
  const id = String(req.params['id'] ?? '');
  const problem = aggregationIdProblem(id);
  if (problem === null) return id;
  throw new InvalidRequestError(`"${id.slice(0, 200)}" cannot be an aggregationId: it ${problem}.`, [
    { path: 'aggregationId', message: problem },
  ]);
}
