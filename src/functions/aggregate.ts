import type { HttpFunction } from '@google-cloud/functions-framework';
import type { LaunchDeps } from '../runs/finish.ts';
import { listRuns } from '../runs/store.ts';
import { sweep } from '../rounds/sweep.ts';
import { sweepSchedules } from '../runs/schedules.ts';
import type { SweptRuns } from '../runs/sweep.ts';
import { sweepRuns } from '../runs/sweep.ts';
import type { JsonObject } from '../values/json.ts';
import type { Powers } from './powers.ts';
import { flag, parseQuery } from './query.ts';
import type { Handler, Routes, RoutesDeps } from './routes.ts';
import { serveRoutes } from './routes.ts';
import { backfill, cancel, listAll, listSchedules, postRun, runLogs, schedulesOf, showRun } from './runs.ts';
import { advanceNow, cancelRound, contextOf, listAllTasks, redriveRound, roundLogs, showTask } from './tasks.ts';
import type { TasksDeps } from './tasks.ts';

export interface AggregateDeps extends LaunchDeps, RoutesDeps, TasksDeps {
  /** Reads the configured values; a request's values are merged over them. */
  readonly configuredValues: (signal: AbortSignal) => Promise<JsonObject>;
  /** The account whose `X-CloudScheduler` headers are accepted; `undefined`: nobody's. */
  readonly schedulerServiceAccount?: string | undefined;
  /** What callers may set beyond the fields that are always theirs. */
  readonly powers: Powers;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
}

export type AggregateHandler = Handler<AggregateDeps>;

// Reserved for the answer: the sweep begins no task when less of the request's time is left.
const SWEEP_RESERVE_MS = 5_000;

interface SweptLists extends SweptRuns {
  readonly missedTicks: number;
}

const NO_LISTS: SweptLists = { started: 0, settled: 0, failed: 0, complete: true, missedTicks: 0 };

const sweepAll: AggregateHandler = async (deps, req, signal) => {
  const startedAt = performance.now();
  const query = parseQuery(req.url, ['dryRun']);
  const dryRun = flag(query, 'dryRun');
  // Runs come first: there are few of them, and only the sweep finishes a claim that has no Job. They get half of the
  // time, so that the tasks are swept even if the runs fail or are slow.
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
  '/tasks/:taskId/rounds/:round/logs': { get: roundLogs },
  '/tasks/:taskId/rounds/:round/redrive': { post: redriveRound },
  '/:id/logs': { get: runLogs },
  '/:id': { get: showRun, delete: cancel },
};

/** The HTTP function `aggregate`. */
export function createAggregate(deps: AggregateDeps): HttpFunction {
  return serveRoutes(
    deps,
    ROUTES,
    'POST / runs an aggregation, GET / lists the runs, GET /<aggregationId> shows one, GET /tasks lists the tasks.',
  );
}

/** Finishes the runs of lists and reports missed ticks of the schedules. */
async function sweepLists(deps: AggregateDeps, signal: AbortSignal): Promise<SweptLists> {
  const known = await Array.fromAsync(listRuns(deps, { signal }));
  const missedTicks = await sweepSchedules(deps, await schedulesOf(deps, signal), known, { signal });
  return { ...(await sweepRuns(deps, known, signal)), missedTicks };
}
