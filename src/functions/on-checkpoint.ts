import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Request } from 'express';
import type { LaunchDeps } from '../runs/finish.ts';
import { launch } from '../runs/launch.ts';
import type { SpecDefaults } from '../jobs/spec.ts';
import { buildUploadRequest, UnusableListError } from '../runs/request.ts';
import { readRun } from '../runs/store.ts';
import { AppError, DeadlineError } from '../errors.ts';
import type { LogFields } from '../log.ts';
import { advance } from '../rounds/advance.ts';
import { policiesOf } from '../rounds/policy.ts';
import type { RoundsDeps } from '../rounds/task-context.ts';
import { parseObjectPattern } from '../values/object-pattern.ts';
import { classifyObject, fillPath, matchPattern } from '../rounds/update.ts';
import { compareGenerations } from '../storage/port.ts';
import type { Values } from '../values/parse-values.ts';
import { callerOf } from './caller.ts';
import { readBody } from './request-values.ts';
import type { Answer, RespondDeps } from './respond.ts';
import { errorFields, problemOf, respond } from './respond.ts';
import type { FinalisedObject } from './storage-event.ts';
import { parseStorageEvent } from './storage-event.ts';
import { methodNotAllowed } from './routes.ts';

export interface OnCheckpointDeps extends RespondDeps {
  readonly launch: LaunchDeps;
  readonly rounds: RoundsDeps;
  readonly defaults: SpecDefaults;
  readonly values: (signal: AbortSignal) => Promise<Values>;
  /** Milliseconds that are left for an event that arrives now. */
  readonly budgetMs: () => number;
}

/** The result of an event, for its log line. */
interface Settled {
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * What is known of an event when an error ends its handling. `nothing`: the event or the object's name is unusable.
 * `unread`: an object was finalised, and the values that say what it is cannot be read. `list`: a checkpoint list that
 * has no claim yet; `claimed`: one that has. `update`: an update, which is on record because the object itself is.
 */
type EventOutcome = 'nothing' | 'unread' | 'list' | 'claimed' | 'update';

interface Progress {
  outcome: EventOutcome;
  object?: FinalisedObject;
}

/**
 * The function `onCheckpoint`, called by Eventarc or Pub/Sub: an uploaded checkpoint list starts a run, an uploaded
 * update advances its task, any other event is acknowledged. An answer of 2xx acknowledges the event; any other status
 * has it delivered again (https://cloud.google.com/pubsub/docs/push#receive_push). It is an HTTP function, not a
 * CloudEvent function, whose errors functions-framework would answer by itself.
 */
export function createOnCheckpoint(deps: OnCheckpointDeps): HttpFunction {
  return async (req, res) =>
    respond(deps, req, res, async () => {
      if (req.method !== 'POST') throw methodNotAllowed(req, 'POST');
      return handleEvent(deps, req);
    });
}

async function handleEvent(deps: OnCheckpointDeps, req: Request): Promise<Answer> {
  const signal = AbortSignal.timeout(deps.budgetMs());
  const progress: Progress = { outcome: 'nothing' };
  try {
    const { message, fields } = await settle(deps, req, signal, progress);
    const log = { ...progress.object, ...fields };
    return { status: 204, body: '', log, line: { severity: 'INFO', message: `event: ${message}` } };
  } catch (error) {
    return answerError(error, progress, signal);
  }
}

async function settle(deps: OnCheckpointDeps, req: Request, signal: AbortSignal, progress: Progress): Promise<Settled> {
  const event = parseStorageEvent(req.headers, await readBody(req));
  if (event.kind === 'other') return { message: `ignored, its type is ${event.type}`, fields: {} };
  const { object } = event;
  progress.object = object;
  progress.outcome = 'unread';
  const values = await deps.values(signal);
  progress.outcome = 'nothing';
  const list = listOf(values, object);
  if (list !== null) {
    progress.outcome = 'list';
    if (!(await exists(deps.launch, object, signal))) return acknowledged('there is no such object');
    return startRun(deps, req, values, list, signal, progress);
  }
  const found = classifyObject(policiesOf(values), object);
  if (found.kind === 'update') {
    progress.outcome = 'update';
    return advanceTask(deps, values, found.taskId, signal);
  }
  return acknowledged(
    found.kind === 'unusable' ? `the object is ${found.reason}` : 'no pattern of rounds or lists matches',
  );
}

function acknowledged(reason: string): Settled {
  return { message: `acknowledged: ${reason}`, fields: {} };
}

function listOf(values: Values, object: FinalisedObject) {
  for (const [index, list] of values.lists.entries()) {
    const match = matchPattern(parseObjectPattern(list.object, `lists[${index}].object`), object);
    if (match === null) continue;
    return {
      ...object,
      outputPath: fillPath(list.outputPath, Object.fromEntries(match), `lists[${index}].outputPath`),
    };
  }
  return null;
}

/**
 * Whether the object is in its bucket, in this generation or a newer one. Anybody who may call the function can send an
 * event: one of an object that was never uploaded must not leave a run behind.
 */
async function exists({ store }: LaunchDeps, object: FinalisedObject, signal: AbortSignal): Promise<boolean> {
  const { bucket, name, generation } = object;
  const { objects } = await store.list({ bucket, prefix: name, startOffset: name, maxResults: 1, signal });
  const [first] = objects;
  return first?.name === name && compareGenerations(first.generation, generation) >= 0;
}

async function startRun(
  deps: OnCheckpointDeps,
  req: Request,
  values: Values,
  list: FinalisedObject & { outputPath: string },
  signal: AbortSignal,
  progress: Progress,
): Promise<Settled> {
  const requestedBy = callerOf(req);
  const request = {
    ...buildUploadRequest(values, list, deps.defaults),
    ...(requestedBy !== undefined && { requestedBy }),
  };
  const { outcome, record } = await launch(deps.launch, request, { dryRun: false, signal }).catch(
    async (error: unknown) => {
      if (await isClaimed(deps, request.spec.aggregationId, signal)) progress.outcome = 'claimed';
      throw error;
    },
  );
  const { aggregationId, state } = record;
  return {
    message: `list: run ${aggregationId} ${outcome}`,
    fields: { trigger: 'upload', aggregationId, outcome, state },
  };
}

/** Whether the run's claim is on record: the error is then kept in it, and the sweep carries on. */
async function isClaimed(deps: OnCheckpointDeps, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await readRun(deps.launch, id, { signal })) !== null;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

async function advanceTask(
  deps: OnCheckpointDeps,
  values: Values,
  taskId: string,
  signal: AbortSignal,
): Promise<Settled> {
  const { decision, openRound } = await advance({ ...deps.rounds, values }, taskId, { signal });
  const { kind, reason } = decision;
  return {
    message: `update: ${reason}`,
    fields: {
      trigger: 'upload',
      taskId,
      decision: kind,
      reason,
      ...(openRound !== undefined && { round: openRound.round }),
    },
  };
}

/** The answer to an event whose handling ended in `error`: the problem document, or 204 where it is acknowledged. */
function answerError(error: unknown, { outcome, object }: Progress, signal: AbortSignal): Answer {
  const isRetry = isRetried(error, outcome, signal);
  const after = isRetry ? 'it will be delivered again' : 'acknowledged';
  const isTransient = error instanceof AppError && isRetry && error.retryable;
  const text = error instanceof AppError ? error.message : 'a fault of this service';
  return {
    ...(isRetry ? problemOf(error) : { status: 204, body: '' }),
    line: { severity: isTransient ? 'WARNING' : 'ERROR', message: `event: ${text} (${after})` },
    log: {
      ...object,
      ...errorFields(error),
      // An alert of infra/terraform selects runs that are on record and wait for an operator by this field.
      ...(outcome === 'claimed' && !isRetry && { runTrouble: 'held-up' }),
      ...(error instanceof UnusableListError && { runTrouble: 'failed' }),
    },
  };
}

/**
 * Whether the event is delivered again. Where only the event knows of the object's meaning it is never acknowledged,
 * whatever the error: an operator corrects the values, and the next delivery does the work. Where the object or a claim
 * is on record, only a transient error is worth another delivery; running out of time while a task is advanced is not,
 * because the sweep has more time.
 */
function isRetried(error: unknown, outcome: EventOutcome, signal: AbortSignal): boolean {
  if (!(error instanceof AppError)) return true;
  if (error instanceof UnusableListError) return false;
  if (outcome === 'unread' || outcome === 'list') return true;
  const isOutOfTime = error instanceof DeadlineError && signal.aborted;
  return error.retryable && !(outcome === 'update' && isOutOfTime);
}
