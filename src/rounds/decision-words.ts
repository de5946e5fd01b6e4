import type { RoundPolicy } from './policy.ts';

// One sentence per decision, for people: what there is, what is waited for, until when.

/** `2026-01-02T16:20:00Z` */
export const formatTime = (at: Date): string => at.toISOString().replace(/\.\d{3}Z$/, 'Z');

/** `1 update`, `2 updates` */
export const countUpdates = (count: number): string => `${count} ${count === 1 ? 'update' : 'updates'}`;

const pendingNow = (count: number): string => `${countUpdates(count)} ${count === 1 ? 'is' : 'are'} pending`;

const capped = ({ maxReports }: RoundPolicy, count: number): string =>
  count > maxReports ? `; the oldest ${maxReports} are taken (maxReports)` : '';

const seconds = (count: number): string => `${count} s`;

export const nothingPending = ({ reportGoal, minReports }: RoundPolicy): string =>
  `No update is pending; a round starts at ${countUpdates(reportGoal)}, or with at least ${minReports} when its time is up. It waits for uploads, without a time limit.`;

export const forcedStart = (policy: RoundPolicy, count: number): string =>
  `${pendingNow(count)} and the start was forced${capped(policy, count)}.`;

export const goalReached = (policy: RoundPolicy, count: number): string =>
  `${pendingNow(count)}: the report goal of ${policy.reportGoal} is reached${capped(policy, count)}.`;

export const quietStart = (policy: RoundPolicy, count: number): string =>
  `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and none was uploaded for ${seconds(policy.quietPeriodSec)}${capped(policy, count)}.`;

export const timeoutStart = (policy: RoundPolicy, count: number): string =>
  `${pendingNow(count)}, at least the minimum of ${policy.minReports}, and the oldest is ${seconds(policy.roundTimeoutSec)} old or more${capped(policy, count)}.`;

/** Overdue: time is up, and only uploads can start the round. */
export const overdue = ({ minReports, roundTimeoutSec }: RoundPolicy, count: number, timeoutAt: Date): string =>
  `Overdue since ${formatTime(timeoutAt)} (${seconds(roundTimeoutSec)} after the oldest upload): ${pendingNow(count)} and at least ${minReports} are needed. It waits for ${minReports - count} more, without a time limit.`;

export const belowGoal = (policy: RoundPolicy, count: number, timeoutAt: Date, quietAt: Date | null = null): string => {
  const head = `${count} of ${policy.reportGoal} updates are pending.`;
  if (count < policy.minReports) {
    return `${head} It waits for ${policy.reportGoal - count} more; with at least ${policy.minReports} a round starts at ${formatTime(timeoutAt)}, with fewer it is overdue from then on.`;
  }
  const quiet =
    quietAt !== null && quietAt < timeoutAt ? `at ${formatTime(quietAt)} if nothing more is uploaded, else ` : '';
  return `${head} It waits for ${policy.reportGoal - count} more, and starts without them ${quiet}at ${formatTime(timeoutAt)} (minimum ${policy.minReports}).`;
};
