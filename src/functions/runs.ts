import type { Request } from 'express';
import { cancelRun } from '../runs/cancel.ts';
import { launch } from '../runs/launch.ts';
import { aggregationIdProblem } from '../jobs/names.ts';
import { buildRunRequest } from '../runs/request.ts';
import { InvalidRequestError } from '../errors.ts';
import { buildLaunchAnswer, buildRunAnswer } from '../runs/answer.ts';
import { describeRun, logsOf, observeRun } from '../runs/status.ts';
import { listRecentRuns } from '../runs/list.ts';
import type { AggregateDeps, AggregateHandler } from './aggregate-deps.ts';
import type { Query } from './query.ts';
import { choice, flag, parseQuery, text, wholeNumber } from './query.ts';
import { readRequestValues } from './request-values.ts';
import type { Answer } from './respond.ts';
import type { SchedulerCall } from './caller.ts';
import { callerOf, schedulerCallOf } from './caller.ts';

const STATES = ['claimed', 'created', 'complete', 'failed', 'cancelled', 'gone', 'skipped'] as const;
const MAX_LOG_LINES = 10_000;
const MAX_PAGE = 1_000;

interface Asked {
  readonly query: Query;
  readonly scheduler: SchedulerCall | undefined;
}

/** What may stand in the query of a call that starts a run. */
export const RUN_QUERY = ['set', 'set-string', 'dryRun'] as const;

/** `POST /` */
export const postRun: AggregateHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, RUN_QUERY);
  return startRun(deps, req, signal, {
    query,
    scheduler: schedulerCallOf(req, deps.now(), deps.schedulerServiceAccount),
  });
};

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

/** `GET /<aggregationId>` */
export const showRun: AggregateHandler = async (deps, req, signal) => {
  const lines = wholeNumber(parseQuery(req.url, ['logs']), 'logs', 1, MAX_LOG_LINES);
  const status = await describeRun(deps, idOf(req), { signal });
  const logs = lines === undefined ? undefined : await logsOf(deps, status, lines, { signal });
  const body = buildRunAnswer(status);
  return {
    status: 200,
    body: { ...body, ...(logs !== undefined && { logs }) },
    log: { aggregationId: body.aggregationId, state: body.state },
  };
};

/** `DELETE /<aggregationId>` */
export const cancel: AggregateHandler = async (deps, req, signal) => {
  parseQuery(req.url, []);
  const by = callerOf(req);
  const id = idOf(req);
  // An end that the cluster knows of is written down before the Job goes, and the end with it.
  await describeRun(deps, id, { signal });
  const stored = await cancelRun(deps, id, `Cancelled${by === undefined ? '' : ` by ${by}`}.`, signal);
  const body = buildRunAnswer(await observeRun(deps, stored, { signal }));
  return { status: 200, body, log: { aggregationId: id, state: body.state } };
};

/** Starts the run that a call asks for: configured values, the body's over them, `?set=` over both. */
export async function startRun(deps: AggregateDeps, req: Request, signal: AbortSignal, asked: Asked): Promise<Answer> {
  const { query, scheduler } = asked;
  const dryRun = flag(query, 'dryRun');
  const values = await readRequestValues(await deps.configuredValues(signal), req, query);
  const requestedBy = callerOf(req);
  const request = buildRunRequest(values, {
    now: deps.now(),
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
  };
}

function idOf(req: Request): string {
  const id = String(req.params['id'] ?? '');
  const problem = aggregationIdProblem(id);
  if (problem === null) return id;
  throw new InvalidRequestError(`"${id.slice(0, 200)}" cannot be an aggregationId: it ${problem}.`, [
    { path: 'aggregationId', message: problem },
  ]);
}
