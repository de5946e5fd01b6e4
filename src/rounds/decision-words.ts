import type { RoundPolicy } from './policy.ts';

// One sentence per decision, for people: what there is, what is waited for, until when.

/** `2026-01-02T16:20:00Z` */
export function formatTime(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** `1 update`, `2 updates` */
export function countUpdates(count: number): string {
  return `${count} ${count === 1 ? 'update' : 'updates'}`;
}

export function nothingPending({ reportGoal, minReports }: RoundPolicy): string {
  return `No update is pending; a round starts at ${countUpdates(reportGoal)}, or with at least ${minReports} when its time is up. It waits for uploads, without a time limit.`;
}

export function forcedStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)} and the start was forced${capped(policy, count)}.`;
}

function pendingNow(count: number): string {
  return `${countUpdates(count)} ${count === 1 ? 'is' : 'are'} pending`;
}

function capped({ maxReports }: RoundPolicy, count: number): string {
  return count > maxReports ? `; the oldest ${maxReports} are taken (maxReports)` : '';
}

export function goalReached(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}: the report goal of ${policy.reportGoal} is reached${capped(policy, count)}.`;
}

export function quietStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and none was uploaded for ${seconds(policy.quietPeriodSec)}${capped(policy, count)}.`;
}

function seconds(count: number): string {
  return `${count} s`;
}

export function timeoutStart(policy: RoundPolicy, count: number): string {
  return `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and the oldest is ${seconds(policy.roundTimeoutSec)} old or more${capped(policy, count)}.`;
}

/** Overdue: time is up, and only uploads can start the round. */
export function overdue({ minReports, roundTimeoutSec }: RoundPolicy, count: number, timeoutAt: Date): string {
  return `Overdue since ${formatTime(timeoutAt)} (${seconds(roundTimeoutSec)} after the oldest upload): ${pendingNow(count)} and at least ${minReports} are needed. It waits for ${minReports - count} more, without a time limit.`;
}

export function belowGoal(policy: RoundPolicy, count: number, timeoutAt: Date, quietAt: Date | null = null): string {
  const head = `${count} of ${policy.reportGoal} updates are pending.`;
  if (count < policy.minReports) {
    return `${head} It waits for ${policy.reportGoal - count} more; with at least ${policy.minReports} a round starts at ${formatTime(timeoutAt)}, with fewer it is overdue from then on.`;
  }
  const quiet =
    quietAt !== null && quietAt < timeoutAt ? `at ${formatTime(quietAt)} if nothing more is uploaded, else ` : '';
  return `${head} It waits for ${policy.reportGoal - count} more, and starts without them ${quiet}at ${formatTime(timeoutAt)} (minimum ${policy.minReports}).`;
}
