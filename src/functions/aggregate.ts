import type { HttpFunction } from '@google-cloud/functions-framework';
import { listRuns } from '../runs/store.ts';
import { sweep } from '../rounds/sweep.ts';
import { sweepSchedules } from '../runs/schedules.ts';
import type { SweptRuns } from '../runs/sweep.ts';
import { sweepRuns } from '../runs/sweep.ts';
import type { AggregateDeps, AggregateHandler } from './aggregate-deps.ts';
import { flag, parseQuery } from './query.ts';
import type { Routes } from './routes.ts';
import { serveRoutes } from './routes.ts';
import { cancel, listAll, postRun, showRun } from './runs.ts';
import { backfill, listSchedules, schedulesOf } from './schedules.ts';
import { advanceNow, cancelRound, contextOf, listAllTasks, redriveRound, showTask } from './tasks.ts';

// What is left of the request's time for the answer, once the sweep has begun its last task.
const SWEEP_RESERVE_MS = 5_000;

interface SweptLists extends SweptRuns {
  readonly missedTicks: number;
}

const NO_LISTS: SweptLists = { started: 0, settled: 0, failed: 0, complete: true, missedTicks: 0 };

const sweepAll: AggregateHandler = async (deps, req, signal) => {
  const startedAt = performance.now();
  const query = parseQuery(req.url, ['dryRun']);
  const dryRun = flag(query, 'dryRun');
  // Runs first: there are few, and a claim without its Job has nobody else. Whatever becomes of them, half of the time is
  // for the tasks.
  const half = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(deps.requestTimeoutMs / 2))]);
  const [lists] = await Promise.allSettled([dryRun ? NO_LISTS : sweepLists(deps, half)]);
  const deadlineMs = deps.requestTimeoutMs - SWEEP_RESERVE_MS - (performance.now() - startedAt);
  const tasks = await sweep(await contextOf(deps, signal), { signal, dryRun, deadlineMs });
  if (lists.status === 'rejected') throw lists.reason;
  const { missedTicks, ...runs } = lists.value;
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

const ROUTES: Routes<AggregateDeps> = {
  '/': { get: listAll, post: postRun },
  '/sweep': { post: sweepAll },
  '/schedules': { get: listSchedules },
  '/schedules/:name/backfill': { post: backfill },
  '/tasks': { get: listAllTasks },
  '/tasks/:taskId': { get: showTask, post: advanceNow },
  '/tasks/:taskId/rounds/:round': { delete: cancelRound },
  '/tasks/:taskId/rounds/:round/redrive': { post: redriveRound },
  '/:id': { get: showRun, delete: cancel },
};

/** The HTTP function `aggregate`. */
export function createAggregate(deps: AggregateDeps): HttpFunction {
  return serveRoutes(
    deps,
    ROUTES,
    'POST / runs an aggregation, GET / lists the runs, GET /<aggregationId> tells of one, GET /tasks lists the tasks.',
  );
}

/** The runs of lists, and the schedules. */
async function sweepLists(deps: AggregateDeps, signal: AbortSignal): Promise<SweptLists> {
  const known = await Array.fromAsync(listRuns(deps, { signal }));
  const missedTicks = await sweepSchedules(deps, await schedulesOf(deps, signal), known, { signal });
  return { ...(await sweepRuns(deps, known, signal)), missedTicks };
}
