import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Request, RequestHandler } from 'express';
import express from 'express';
import type { LaunchDeps } from '../aggregation/finish.ts';
import { cancelRun } from '../aggregation/cancel.ts';
import { launch } from '../aggregation/launch.ts';
import { aggregationIdProblem } from '../aggregation/names.ts';
import { buildRunRequest } from '../aggregation/request.ts';
import { InvalidRequestError, MethodNotAllowedError, NotFoundError } from '../errors.ts';
import { buildLaunchAnswer, buildRunAnswer } from '../status/run-answer.ts';
import { sweep } from '../rounds/sweep.ts';
import { describeRun, logsOf, observeRun } from '../status/run.ts';
import { listRecentRuns } from '../status/runs.ts';
import { sweepRuns } from '../status/sweep-runs.ts';
import type { JsonObject } from '../values/json.ts';
import { readRequestValues } from './request-values.ts';
import { choice, flag, parseQuery, text, wholeNumber } from './query.ts';
import type { Answer, RespondDeps } from './respond.ts';
import { respond } from './respond.ts';
import { schedulerCallOf } from './scheduler-tick.ts';
import type { TasksDeps } from './tasks.ts';
import { advanceNow, cancelRound, listAllTasks, redriveRound, showTask } from './tasks.ts';
import { callerOf } from './trace.ts';

export interface AggregateDeps extends LaunchDeps, RespondDeps, TasksDeps {
  /** The values of configuration, over which a request's are laid. */
  readonly configuredValues: (signal: AbortSignal) => Promise<JsonObject>;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
  readonly requestTimeoutMs: number;
}

type Handler = (deps: AggregateDeps, req: Request, signal: AbortSignal) => Promise<Answer>;

const STATES = ['claimed', 'created', 'complete', 'failed', 'cancelled', 'gone', 'skipped'] as const;
const MAX_LOG_LINES = 10_000;
const MAX_PAGE = 1_000;
// What is left of the request's time for the answer, once the sweep has begun its last task.
const SWEEP_RESERVE_MS = 5_000;

const idOf = (req: Request): string => {
  const id = String(req.params['id'] ?? '');
  const problem = aggregationIdProblem(id);
  if (problem === null) return id;
  throw new InvalidRequestError(`"${id.slice(0, 200)}" cannot be an aggregationId: it ${problem}.`, [
    { path: 'aggregationId', message: problem },
  ]);
};

const startRun: Handler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['set', 'set-string', 'dryRun']);
  const dryRun = flag(query, 'dryRun');
  const now = deps.now();
  const scheduler = schedulerCallOf(req, now);
  const values = await readRequestValues(await deps.configuredValues(signal), req, query);
  const requestedBy = callerOf(req);
  const request = buildRunRequest(values, {
    now,
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
};

const listAll: Handler = async (deps, req, signal) => {
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

const showRun: Handler = async (deps, req, signal) => {
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

const cancel: Handler = async (deps, req, signal) => {
  parseQuery(req.url, []);
  const by = callerOf(req);
  const id = idOf(req);
  // An end that the cluster knows of is written down before the Job goes, and the end with it.
  await describeRun(deps, id, { signal });
  const stored = await cancelRun(deps, id, `Cancelled${by === undefined ? '' : ` by ${by}`}.`, signal);
  const body = buildRunAnswer(await observeRun(deps, stored, { signal }));
  return { status: 200, body, log: { aggregationId: id, state: body.state } };
};

const sweepAll: Handler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['dryRun']);
  const dryRun = flag(query, 'dryRun');
  // Runs first: there are few, and a claim without its Job has nobody else.
  const runs = dryRun ? { started: 0, settled: 0, failed: 0, complete: true } : await sweepRuns(deps, signal);
  const tasks = await sweep(deps.rounds, { signal, dryRun, deadlineMs: deps.requestTimeoutMs - SWEEP_RESERVE_MS });
  const sum = {
    tasks: tasks.tasks,
    started: runs.started + tasks.started,
    settled: runs.settled + tasks.settled,
    failed: runs.failed + tasks.failed,
    complete: runs.complete && tasks.complete,
  };
  const { problems, decisions } = tasks;
  return {
    status: 200,
    body: { ...sum, problems, ...(decisions !== undefined && { decisions }) },
    log: { ...sum, problems: problems.length },
  };
};

const notAllowed =
  (allow: string): Handler =>
  async (_deps, req) => {
    throw new MethodNotAllowedError(`${req.method} is not a method of ${req.path}; it takes ${allow}.`, {
      headers: { Allow: allow },
    });
  };

const notFound: Handler = async (_deps, req) => {
  throw new NotFoundError(
    `There is nothing at ${req.path}. POST / runs an aggregation, GET / lists the runs, GET /<aggregationId> tells of one, GET /tasks lists the tasks.`,
  );
};

/**
 * The HTTP function `aggregate`: an express Router. functions-framework calls it with a request and a response only,
 * while a Router wants to be told what comes after it: here, nothing does.
 */
export const createAggregate = (deps: AggregateDeps): HttpFunction => {
  const router = express.Router({ caseSensitive: true, strict: false });
  const on =
    (handler: Handler): RequestHandler =>
    (req, res) =>
      void respond(deps, req, res, () => handler(deps, req, AbortSignal.timeout(deps.requestTimeoutMs)));
  router
    .route('/')
    .post(on(startRun))
    .get(on(listAll))
    .all(on(notAllowed('GET, POST')));
  router
    .route('/sweep')
    .post(on(sweepAll))
    .all(on(notAllowed('POST')));
  router
    .route('/tasks')
    .get(on(listAllTasks))
    .all(on(notAllowed('GET')));
  router
    .route('/tasks/:taskId')
    .get(on(showTask))
    .post(on(advanceNow))
    .all(on(notAllowed('GET, POST')));
  router
    .route('/tasks/:taskId/rounds/:round')
    .delete(on(cancelRound))
    .all(on(notAllowed('DELETE')));
  router
    .route('/tasks/:taskId/rounds/:round/redrive')
    .post(on(redriveRound))
    .all(on(notAllowed('POST')));
  router
    .route('/:id')
    .get(on(showRun))
    .delete(on(cancel))
    .all(on(notAllowed('GET, DELETE')));
  return (req, res) => router(req, res, () => on(notFound)(req, res, () => {}));
};
