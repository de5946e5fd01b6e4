import type { LaunchDeps } from '../aggregation/finish.ts';
import { launch } from '../aggregation/launch.ts';
import type { SpecDefaults } from '../aggregation/request.ts';
import { buildUploadRequest } from '../aggregation/request.ts';
import { AppError, DeadlineError } from '../errors.ts';
import type { Log, LogFields } from '../log.ts';
import { metered } from '../log.ts';
import { advance } from '../rounds/advance.ts';
import type { RoundsDeps } from '../rounds/deps.ts';
import { fillPath, matchPattern } from '../rounds/pattern.ts';
import { parseObjectPattern } from '../values/object-pattern.ts';
import { classifyObject } from '../rounds/update.ts';
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

/** Where the fault of an event leaves what the event means: on record (the sweep goes on), or in the event alone. */
type Meaning = 'update' | 'list' | 'unknown';

const isBudgetSpent = (error: AppError, signal: AbortSignal): boolean =>
  error instanceof DeadlineError && signal.aborted;

/**
 * Whether the event is delivered again. An update is on record as the object itself: only a fault that the next
 * delivery may not meet is worth one, and running out of time is not (the sweep has more of it). A list is on record
 * once its claim is written, which is the first thing a launch does; before that every passing fault is a retry.
 */
const isRetried = (error: unknown, meaning: Meaning, signal: AbortSignal): boolean => {
  if (!(error instanceof AppError)) return true;
  if (!error.retryable) return false;
  return !(meaning === 'update' && isBudgetSpent(error, signal));
};

const listOf = (values: Values, object: FinalisedObject) => {
  for (const [index, list] of values.lists.entries()) {
    const match = matchPattern(parseObjectPattern(list.object, `lists[${index}].object`), object);
    if (match === null) continue;
    return {
      ...object,
      outputPath: fillPath(list.outputPath, Object.fromEntries(match), `lists[${index}].outputPath`),
    };
  }
  return null;
};

const startRun = async (
  deps: OnCheckpointDeps,
  values: Values,
  list: FinalisedObject & { outputPath: string },
  signal: AbortSignal,
): Promise<Settled> => {
  const request = buildUploadRequest(values, list, deps.defaults);
  const { outcome, record } = await launch(deps.launch, request, { dryRun: false, signal });
  const { aggregationId, state } = record;
  return {
    message: `list: run ${aggregationId} ${outcome}`,
    fields: { trigger: 'upload', aggregationId, outcome, state },
  };
};

const advanceTask = async (deps: OnCheckpointDeps, taskId: string, signal: AbortSignal): Promise<Settled> => {
  const { decision, openRound } = await advance(deps.rounds, taskId, { signal });
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
};

const settle = async (
  deps: OnCheckpointDeps,
  event: unknown,
  signal: AbortSignal,
  mean: (meaning: Meaning) => void,
): Promise<Settled> => {
  const parsed = parseStorageEvent(event);
  if (parsed.kind === 'other') return { message: `not for us: ${parsed.type}`, fields: {} };
  const { object } = parsed;
  const values = await deps.values(signal);
  const list = listOf(values, object);
  if (list !== null) {
    mean('list');
    return startRun(deps, values, list, signal);
  }
  const policies = await deps.rounds.policies({ signal });
  const found = classifyObject(
    policies.map(({ uploads }) => uploads),
    object,
  );
  if (found.kind === 'update') {
    mean('update');
    return advanceTask(deps, found.taskId, signal);
  }
  const reason = found.kind === 'unusable' ? `the object is ${found.reason}` : 'no pattern of rounds or lists matches';
  return { message: `acknowledged: ${reason}`, fields: {} };
};

const nameOf = (event: unknown): LogFields => {
  try {
    const parsed = parseStorageEvent(event);
    return parsed.kind === 'finalised' ? { ...parsed.object } : {};
  } catch {
    return {};
  }
};

const tell = (deps: OnCheckpointDeps, error: unknown, isRetry: boolean, fields: LogFields): void => {
  const after = isRetry ? 'it will be delivered again' : 'acknowledged';
  if (error instanceof AppError) {
    deps.log(isRetry ? 'WARNING' : 'ERROR', `event: ${error.message} (${after})`, { ...fields, code: error.code });
    return;
  }
  const frames =
    error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at ')) : [];
  deps.log('ERROR', `event: a fault of this service (${after})`, {
    ...fields,
    code: 'internal',
    stack: frames.slice(0, 12).join('\n'),
  });
};

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
export const createOnCheckpoint =
  (deps: OnCheckpointDeps) =>
  async (event: unknown): Promise<void> => {
    const startedAt = performance.now();
    const signal = AbortSignal.timeout(deps.budgetMs());
    let meaning: Meaning = 'unknown';
    await metered(async (meter) => {
      const fields = (): LogFields => ({
        ...nameOf(event),
        durationMs: Math.round(performance.now() - startedAt),
        upstreamCalls: meter.upstreamCalls,
      });
      try {
        const settled = await settle(deps, event, signal, (found) => {
          meaning = found;
        });
        deps.log('INFO', `event: ${settled.message}`, { ...settled.fields, ...fields() });
      } catch (error) {
        const isRetry = isRetried(error, meaning, signal);
        tell(deps, error, isRetry, fields());
        if (isRetry) throw new RedeliverError('not settled; deliver it again');
      }
    });
  };
