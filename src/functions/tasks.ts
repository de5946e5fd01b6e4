import type { Request } from 'express';
import { InvalidRequestError } from '../errors.ts';
import { advance } from '../rounds/advance.ts';
import { cancel } from '../rounds/cancel.ts';
import { redrive } from '../rounds/redrive.ts';
import type { RoundsContext, RoundsDeps } from '../rounds/task-context.ts';
import { listTasks, locateRoundPod, readTask } from '../rounds/task-status.ts';
import { taskIdProblem } from '../rounds/update.ts';
import type { Values } from '../values/parse-values.ts';
import type { AggregateHandler } from './aggregate.ts';
import { answerLog } from './logs.ts';
import { flag, parseQuery, text, wholeNumber } from './query.ts';
import type { Handler, RoutesDeps } from './routes.ts';
import type { Waits } from './wait.ts';
import { answerSnapshot, WAIT_QUERY, waitOf } from './wait.ts';

export interface TasksDeps extends RoutesDeps {
  readonly rounds: RoundsDeps;
  /** Reads the configured values. */
  readonly values: (signal: AbortSignal) => Promise<Values>;
  readonly waits: Waits;
}

type TasksHandler = Handler<TasksDeps>;

const MAX_PAGE = 100;

/** `GET /tasks`: a page of tasks, each with its update counts and its next step. */
export const listAllTasks: TasksHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['limit', 'pageToken']);
  const limit = wholeNumber(query, 'limit', 1, MAX_PAGE);
  const pageToken = text(query, 'pageToken');
  const page = await listTasks(await contextOf(deps, signal), {
    signal,
    ...(limit !== undefined && { limit }),
    ...(pageToken !== undefined && { pageToken }),
  });
  return { status: 200, body: page };
};

/** `GET /tasks/<taskId>?wait=&index=` */
export const showTask: TasksHandler = async (deps, req) => {
  const wait = waitOf(req, parseQuery(req.url, WAIT_QUERY), deps.requestTimeoutMs);
  const taskId = taskIdOf(req);
  const snapshot = await deps.waits.next(
    `task ${taskId}`,
    async (signal) => readTask(await contextOf(deps, signal), taskId, { signal }),
    wait,
    // The arrivals change by the passage of time alone.
    { identity: ({ arrivals: _arrivals, ...state }) => state },
  );
  return { status: 200, ...answerSnapshot(snapshot, wait), log: { taskId } };
};

/** `GET /tasks/<taskId>/rounds/<n>/logs?follow=&tail=&timestamps=&after=`: the log of the newest attempt. */
export const roundLogs: AggregateHandler = async (deps, req, signal) => {
  const [taskId, round] = [taskIdOf(req), roundOf(req)];
  return answerLog(deps, req, signal, async (reading) =>
    locateRoundPod(await contextOf(deps, reading), taskId, round, { signal: reading }),
  );
};

/** `POST /tasks/<taskId>?force=&dryRun=` */
export const advanceNow: TasksHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['force', 'dryRun']);
  const taskId = taskIdOf(req);
  const result = await advance(await contextOf(deps, signal), taskId, {
    force: flag(query, 'force'),
    dryRun: flag(query, 'dryRun'),
    signal,
  });
  const { kind, reason } = result.decision;
  return { status: 200, body: result, log: { trigger: 'http', taskId, decision: kind, reason } };
};

/** `POST /tasks/<taskId>/rounds/<n>/redrive?without=&dryRun=`: `without` is repeatable, or a list with commas. */
export const redriveRound: TasksHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['without', 'dryRun']);
  const [taskId, round] = [taskIdOf(req), roundOf(req)];
  const without = (query.get('without') ?? []).flatMap((ids) => ids.split(',')).filter((id) => id !== '');
  const result = await redrive(await contextOf(deps, signal), taskId, round, {
    without,
    dryRun: flag(query, 'dryRun'),
    signal,
  });
  const { outcome, redrivenAs, reason } = result;
  return {
    status: outcome === 'created' ? 201 : outcome === 'recorded' ? 202 : 200,
    body: result,
    log: { trigger: 'http', taskId, round, outcome, redrivenAs, reason },
  };
};

/** `DELETE /tasks/<taskId>/rounds/<n>?dryRun=`: cancels the open round. */
export const cancelRound: TasksHandler = async (deps, req, signal) => {
  const query = parseQuery(req.url, ['dryRun']);
  const [taskId, round] = [taskIdOf(req), roundOf(req)];
  const result = await cancel(await contextOf(deps, signal), taskId, round, { dryRun: flag(query, 'dryRun'), signal });
  return { status: 200, body: result, log: { trigger: 'http', taskId, round, reason: result.decision.reason } };
};

/** The rounds with the values that this request reads: what they decide does not depend on other requests. */
export async function contextOf({ rounds, values }: TasksDeps, signal: AbortSignal): Promise<RoundsContext> {
  return { ...rounds, values: await values(signal) };
}

function taskIdOf(req: Request): string {
  const taskId = String(req.params['taskId'] ?? '');
  const problem = taskIdProblem(taskId);
  if (problem === null) return taskId;
  throw new InvalidRequestError(`"${taskId.slice(0, 200)}" cannot be a taskId: it is ${problem}.`, [
    { path: 'taskId', message: `is ${problem}` },
  ]);
}

function roundOf(req: Request): number {
  const round = String(req.params['round'] ?? '');
  if (/^[1-9][0-9]{0,8}$/.test(round)) return Number(round);
  throw new InvalidRequestError(`"${round.slice(0, 40)}" is not the number of a round: rounds are numbered from 1.`, [
    { path: 'round', message: 'is not a number from 1' },
  ]);
}
