import {
  belowGoal,
  forcedStart,
  goalReached,
  nothingPending,
  overdue,
  quietStart,
  timeoutStart,
} from './decision-words.ts';
import type { ObjectPattern } from '../values/object-pattern.ts';

/** One entry of `rounds[]`, defaults filled in. */
export interface RoundPolicy {
  readonly uploads: ObjectPattern;
  /** A directory with `{taskId}`, `{round}` and, where maxAttempts > 1, `{attempt}`. */
  readonly outputPath: string;
  readonly reportGoal: number;
  readonly minReports: number;
  readonly roundTimeoutSec: number;
  /** 0: off. */
  readonly quietPeriodSec: number;
  readonly maxReports: number;
  readonly maxAttempts: number;
  readonly retryBackoffSec: number;
  readonly lateUpdates: 'carry' | 'drop';
  readonly settledWindowSec: number;
}

/** What a decision needs to know of an update. */
export interface Pending {
  readonly name: string;
  /** Milliseconds since 1970, by the bucket's clock. */
  readonly timeCreatedMs: number;
}

export type StartReason = 'report-goal' | 'quiet' | 'timeout' | 'forced';

export type Decision<P extends Pending = Pending> =
  | { readonly kind: 'start'; readonly start: StartReason; readonly reason: string; readonly updates: readonly P[] }
  | {
      readonly kind: 'wait';
      readonly wait: 'nothing-pending' | 'below-goal' | 'overdue';
      readonly reason: string;
      /** When time alone changes the decision; absent when only an upload can. */
      readonly nextCheckAt?: Date;
    };

/** No backoff is longer. */
export const MAX_BACKOFF_SEC = 600;

/** The oldest `maxReports` by (timeCreated, name): the same set on every instance that sees the same listing. */
export function selectUpdates<P extends Pending>(pending: readonly P[], maxReports: number): readonly P[] {
  return pending.toSorted(inOrder).slice(0, maxReports);
}

function inOrder(a: Pending, b: Pending): number {
  return a.timeCreatedMs - b.timeCreatedMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/**
 * Whether a round starts now, of which updates, and why; or what it waits for and until when.
 * `force` starts below the minimum, and with nothing it waits like any other.
 */
export function decide<P extends Pending>(
  policy: RoundPolicy,
  pending: readonly P[],
  now: Date,
  force = false,
): Decision<P> {
  const count = pending.length;
  if (count === 0) return { kind: 'wait', wait: 'nothing-pending', reason: nothingPending(policy) };
  if (force) return startOf(policy, pending, 'forced', forcedStart(policy, count));
  if (count >= policy.reportGoal) return startOf(policy, pending, 'report-goal', goalReached(policy, count));

  const timeoutAt = new Date(oldestMs(pending) + policy.roundTimeoutSec * 1000);
  if (count < policy.minReports) {
    if (timeoutAt <= now) return { kind: 'wait', wait: 'overdue', reason: overdue(policy, count, timeoutAt) };
    return { kind: 'wait', wait: 'below-goal', reason: belowGoal(policy, count, timeoutAt), nextCheckAt: timeoutAt };
  }
  const quietAt = policy.quietPeriodSec > 0 ? new Date(newestMs(pending) + policy.quietPeriodSec * 1000) : null;
  if (quietAt !== null && quietAt <= now) return startOf(policy, pending, 'quiet', quietStart(policy, count));
  if (timeoutAt <= now) return startOf(policy, pending, 'timeout', timeoutStart(policy, count));
  const nextCheckAt = quietAt !== null && quietAt < timeoutAt ? quietAt : timeoutAt;
  return { kind: 'wait', wait: 'below-goal', reason: belowGoal(policy, count, timeoutAt, quietAt), nextCheckAt };
}

function startOf<P extends Pending>(
  policy: RoundPolicy,
  pending: readonly P[],
  start: StartReason,
  reason: string,
): Decision<P> {
  return {
    kind: 'start',
    start,
    reason,
    updates: selectUpdates(pending, policy.maxReports),
  };
}

function oldestMs(pending: readonly Pending[]): number {
  return pending.reduce((least, { timeCreatedMs }) => Math.min(least, timeCreatedMs), Infinity);
}

function newestMs(pending: readonly Pending[]): number {
  return pending.reduce((most, { timeCreatedMs }) => Math.max(most, timeCreatedMs), -Infinity);
}

/** How long attempt number `attempt` waits after the one before it failed, in seconds. */
export function backoffSec(policy: RoundPolicy, attempt: number): number {
  return Math.min(policy.retryBackoffSec * 2 ** Math.max(0, attempt - 2), MAX_BACKOFF_SEC);
}
