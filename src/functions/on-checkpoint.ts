import type { LaunchDeps } from '../runs/finish.ts';
import { launch } from '../runs/launch.ts';
import type { SpecDefaults } from '../jobs/build-spec.ts';
import { buildUploadRequest } from '../runs/request.ts';
import { readRun } from '../runs/store.ts';
import { AppError, DeadlineError } from '../errors.ts';
import type { Log, LogFields } from '../log.ts';
import { metered } from '../log.ts';
import { advance } from '../rounds/advance.ts';
import { policiesOf } from '../rounds/policy.ts';
import type { RoundsDeps } from '../rounds/task-context.ts';
import { parseObjectPattern } from '../values/object-pattern.ts';
import { classifyObject, fillPath, matchPattern } from '../rounds/update.ts';
import type { Values } from '../values/parse-values.ts';
import type { FinalisedObject } from './storage-event.ts';
import { parseStorageEvent } from './storage-event.ts';

export interface OnCheckpointDeps {
  readonly launch: LaunchDeps;
  readonly rounds: RoundsDeps;
  readonly log: Log;
  readonly defaults: SpecDefaults;
  readonly values: (signal: AbortSignal) => Promise<Values>;
  /** Milliseconds that are left for an event that arrives now. */
  readonly budgetMs: () => number;
}

/** What an event came to, for its log line. */
interface Settled {
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Where a fault leaves what the event means. `nothing`: the event itself, or the object's name, is of no use.
 * `unread`: an object was finalised, and the values that say what it is cannot be had. `list`: a checkpoint list without
 * a claim, `claimed`: with one. `update`: an update, which is on record as the object itself.
 */
type Meaning = 'nothing' | 'unread' | 'list' | 'claimed' | 'update';

type Mean = (meaning: Meaning) => void;

/**
 * Told to the caller in place of an error, whose words are in the log by now. The framework prints the `stack` of what a
 * function throws (functions-framework 5.0.5, `logger.js`): a line of JSON like the others, and no stack of ours.
 */
class RedeliverError extends Error {
  override readonly name = 'RedeliverError';
  override readonly stack = JSON.stringify({ severity: 'DEBUG', message: 'Answered 500: it will be delivered again.' });
}

/**
 * The CloudEvent function `onCheckpoint`: an uploaded checkpoint list starts a run, an uploaded update advances its
 * task, anything else is acknowledged. To return is to acknowledge, to throw is to have the event delivered again.
 * It takes one parameter: with two, functions-framework would wait for a callback.
 */
export function createOnCheckpoint(deps: OnCheckpointDeps) {
  return async (event: unknown): Promise<void> => {
    const startedAt = performance.now();
    const signal = AbortSignal.timeout(deps.budgetMs());
    let meaning: Meaning = 'nothing';
    await metered(async (meter) => {
      function fields(): LogFields {
        return {
          ...nameOf(event),
          durationMs: Math.round(performance.now() - startedAt),
          upstreamCalls: meter.upstreamCalls,
        };
      }
      try {
        const settled = await settle(deps, event, signal, (found) => {
          meaning = found;
        });
        deps.log('INFO', `event: ${settled.message}`, { ...settled.fields, ...fields() });
      } catch (error) {
        const isRetry = isRetried(error, meaning, signal);
        tell(deps, error, isRetry, { ...fields(), ...troubleOf(meaning, isRetry) });
        if (isRetry) throw new RedeliverError('not settled; deliver it again');
      }
    });
  };
}

function nameOf(event: unknown): LogFields {
  try {
    const parsed = parseStorageEvent(event);
    return parsed.kind === 'finalised' ? { ...parsed.object } : {};
  } catch {
    return {};
  }
}

async function settle(deps: OnCheckpointDeps, event: unknown, signal: AbortSignal, mean: Mean): Promise<Settled> {
  const parsed = parseStorageEvent(event);
  if (parsed.kind === 'other') return { message: `not for us: ${parsed.type}`, fields: {} };
  const { object } = parsed;
  mean('unread');
  const values = await deps.values(signal);
  mean('nothing');
  const list = listOf(values, object);
  if (list !== null) {
    mean('list');
    return startRun(deps, values, list, signal, mean);
  }
  const found = classifyObject(
    policiesOf(values).map(({ uploads }) => uploads),
    object,
  );
  if (found.kind === 'update') {
    mean('update');
    return advanceTask(deps, values, found.taskId, signal);
  }
  const reason = found.kind === 'unusable' ? `the object is ${found.reason}` : 'no pattern of rounds or lists matches';
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

async function startRun(
  deps: OnCheckpointDeps,
  values: Values,
  list: FinalisedObject & { outputPath: string },
  signal: AbortSignal,
  mean: Mean,
): Promise<Settled> {
  const request = buildUploadRequest(values, list, deps.defaults);
  const { outcome, record } = await launch(deps.launch, request, { dryRun: false, signal }).catch(
    async (error: unknown) => {
      await noteClaim(deps, request.spec.aggregationId, signal, mean);
      throw error;
    },
  );
  const { aggregationId, state } = record;
  return {
    message: `list: run ${aggregationId} ${outcome}`,
    fields: { trigger: 'upload', aggregationId, outcome, state },
  };
}

/** A fault after the claim is kept in the claim; one before it leaves nothing. */
async function noteClaim(deps: OnCheckpointDeps, id: string, signal: AbortSignal, mean: Mean): Promise<void> {
  try {
    if ((await readRun(deps.launch, id, { signal })) !== null) mean('claimed');
  } catch (error) {
    // Not known: as good as not there.
    if (!(error instanceof AppError)) throw error;
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

/**
 * Whether the event is delivered again. What lives in the event alone is never acknowledged, whatever the fault: somebody
 * mends the values, and the next delivery does what it asks for. Of what is on record only a passing fault is worth a
 * delivery; and for an update running out of time is not (the sweep has more of it).
 */
function isRetried(error: unknown, meaning: Meaning, signal: AbortSignal): boolean {
  if (!(error instanceof AppError)) return true;
  if (meaning === 'unread' || meaning === 'list') return true;
  return error.retryable && !(meaning === 'update' && isBudgetSpent(error, signal));
}

function isBudgetSpent(error: AppError, signal: AbortSignal): boolean {
  return error instanceof DeadlineError && signal.aborted;
}

function tell(deps: OnCheckpointDeps, error: unknown, isRetry: boolean, fields: LogFields): void {
  const after = isRetry ? 'it will be delivered again' : 'acknowledged';
  if (error instanceof AppError) {
    const isPassing = isRetry && error.retryable;
    deps.log(isPassing ? 'WARNING' : 'ERROR', `event: ${error.message} (${after})`, { ...fields, code: error.code });
    return;
  }
  const frames =
    error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at ')) : [];
  deps.log('ERROR', `event: a fault of this service (${after})`, {
    ...fields,
    code: 'internal',
    stack: frames.slice(0, 12).join('\n'),
  });
}

/** Of a run that is on record and waits for somebody: an alert of infra/ goes by it. */
function troubleOf(meaning: Meaning, isRetry: boolean): LogFields {
  return meaning === 'claimed' && !isRetry ? { runTrouble: 'held-up' } : {};
}
