import type { HttpFunction } from '@google-cloud/functions-framework';
import type { RequestHandler } from 'express';
import express from 'express';
import { listRuns } from '../aggregation/run-store.ts';
import { MethodNotAllowedError, NotFoundError } from '../errors.ts';
import { sweep } from '../rounds/sweep.ts';
import { sweepSchedules } from '../status/schedules.ts';
import { sweepRuns } from '../status/sweep-runs.ts';
import type { AggregateDeps, Handler } from './aggregate-deps.ts';
import { flag, parseQuery } from './query.ts';
import { respond } from './respond.ts';
import { cancel, listAll, postRun, showRun } from './runs.ts';
import { backfill, listSchedules, schedulesOf } from './schedules.ts';
import { advanceNow, cancelRound, listAllTasks, redriveRound, showTask } from './tasks.ts';

// What is left of the request's time for the answer, once the sweep has begun its last task.
const SWEEP_RESERVE_MS = 5_000;

const sweepAll: Handler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['dryRun']);
  const dryRun = flag(query, 'dryRun');
  // Runs first: there are few, and a claim without its Job has nobody else.
  const known = dryRun ? [] : await Array.fromAsync(listRuns(deps, { signal }));
  const missedTicks = dryRun ? 0 : await sweepSchedules(deps, await schedulesOf(deps, signal), known, { signal });
  const runs = dryRun ? { started: 0, settled: 0, failed: 0, complete: true } : await sweepRuns(deps, known, signal);
  const tasks = await sweep(deps.rounds, { signal, dryRun, deadlineMs: deps.requestTimeoutMs - SWEEP_RESERVE_MS });
  const sum = {
    tasks: tasks.tasks,
    started: runs.started + tasks.started,
    settled: runs.settled + tasks.settled,
    failed: runs.failed + tasks.failed,
    missedTicks,
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
    .post(on(postRun))
    .get(on(listAll))
    .all(on(notAllowed('GET, POST')));
  router
    .route('/sweep')
    .post(on(sweepAll))
    .all(on(notAllowed('POST')));
  router
    .route('/schedules')
    .get(on(listSchedules))
    .all(on(notAllowed('GET')));
  router
    .route('/schedules/:name/backfill')
    .post(on(backfill))
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
