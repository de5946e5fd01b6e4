import { parseUploadPattern } from '../values/object-pattern.ts';
import type { Values } from '../values/parse-values.ts';
import type { UploadRule } from './update.ts';

/** One entry of `rounds[]`, defaults filled in. docs/values.md describes the fields. */
export type RoundPolicy = UploadRule & Omit<Values['rounds'][number], keyof UploadRule>;

/** The fields of an update that a decision depends on. */
export interface Pending {
  readonly name: string;
  /** Milliseconds since 1970, set by the bucket. */
  readonly timeCreatedMs: number;
}

export type StartReason = 'report-goal' | 'quiet' | 'timeout' | 'forced';

export type Decision<P extends Pending = Pending> =
  | { readonly kind: 'start'; readonly start: StartReason; readonly reason: string; readonly updates: readonly P[] }
  | {
      readonly kind: 'wait';
      readonly wait: 'nothing-pending' | 'below-goal' | 'overdue';
      readonly reason: string;
      /** When the passing of time changes the decision; absent when only an upload can. */
      readonly nextCheckAt?: Date;
    };

/** The longest backoff. */
export const MAX_BACKOFF_SEC = 600;

/** The policies of `rounds[]`. Throws InvalidRequestError for a pattern that is not valid. */
export function policiesOf(values: Values): readonly RoundPolicy[] {
  return values.rounds.map((round, index) => ({
    ...round,
    uploads: parseUploadPattern(round.uploads, `rounds[${index}].uploads`),
  }));
}

/** The oldest `maxReports` updates by (timeCreated, name): every instance that sees the same listing selects the same set. */
export function selectUpdates<P extends Pending>(pending: readonly P[], maxReports: number): readonly P[] {
  return pending.toSorted(inOrder).slice(0, maxReports);
}

function inOrder(a: Pending, b: Pending): number {
  return a.timeCreatedMs - b.timeCreatedMs || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/**
 * Whether a round starts now, with which updates and why, or what it waits for and until when.
 * `force` starts a round below the minimum. Without a pending update it waits as well.
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

/** Seconds between the failure of an attempt and the start of attempt number `attempt`. */
export function backoffSec(policy: RoundPolicy, attempt: number): number {
  return Math.min(policy.retryBackoffSec * 2 ** Math.max(0, attempt - 2), MAX_BACKOFF_SEC);
}

/** `2026-01-02T16:20:00Z` */
export function formatTime(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `1 update`, `2 updates` */
function updateCount(count: number): string {
  return `${count} ${count === 1 ? 'update' : 'updates'}`;
}

function nothingPending({ reportGoal, minReports }: RoundPolicy): string {
  return `No update is pending; a round starts at ${updateCount(reportGoal)}, or with at least ${minReports} when the round timeout has passed. The task waits for uploads, without a time limit.`;
}

function forcedStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)} and the start was forced${capped(policy, count)}.`;
}

function pendingNow(count: number): string {
  return `${updateCount(count)} ${count === 1 ? 'is' : 'are'} pending`;
}

function capped({ maxReports }: RoundPolicy, count: number): string {
  return count > maxReports ? `; the round takes the oldest ${maxReports} (maxReports)` : '';
}

function goalReached(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}: the report goal of ${policy.reportGoal} is reached${capped(policy, count)}.`;
}

function quietStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and none was uploaded for ${policy.quietPeriodSec} s${capped(policy, count)}.`;
}

function timeoutStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and the oldest is ${policy.roundTimeoutSec} s old or more${capped(policy, count)}.`;
}

/** Overdue: the round timeout has passed, and only uploads can start the round. */
function overdue({ minReports, roundTimeoutSec }: RoundPolicy, count: number, timeoutAt: Date): string {
  return `Overdue since ${formatTime(timeoutAt)} (${roundTimeoutSec} s after the oldest upload): ${pendingNow(count)} and at least ${minReports} are needed. The task waits for ${minReports - count} more, without a time limit.`;
}

function belowGoal(policy: RoundPolicy, count: number, timeoutAt: Date, quietAt: Date | null = null): string {
  const head = `${count} of ${policy.reportGoal} updates are pending.`;
  if (count < policy.minReports) {
    return `${head} The task waits for ${policy.reportGoal - count} more; with at least ${policy.minReports} a round starts at ${formatTime(timeoutAt)}, with fewer it is overdue from then on.`;
  }
  const quiet =
    quietAt !== null && quietAt < timeoutAt ? `at ${formatTime(quietAt)} if nothing more is uploaded, else ` : '';
  return `${head} The task waits for ${policy.reportGoal - count} more, and starts without them ${quiet}at ${formatTime(timeoutAt)} (minimum ${policy.minReports}).`;
}
