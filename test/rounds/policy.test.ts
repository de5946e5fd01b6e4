import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pending, RoundPolicy } from '../../src/rounds/policy.ts';
import { backoffSec, decide, formatTime, selectUpdates } from '../../src/rounds/policy.ts';
import { policyOf } from './rounds-world.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
/** Pending updates by their ages in seconds. */
const aged = (...ages: readonly number[]): readonly Pending[] =>
  ages.map((age, index) => ({ name: `u${index}`, timeCreatedMs: NOW - age * 1000 }));
const POLICY = policyOf({ reportGoal: 4, minReports: 2, maxReports: 5, roundTimeoutSec: 600, quietPeriodSec: 60 });

describe('decide, case by case', () => {
  test.each([
    // pending ages, force, expected, seconds from now to the next check
    ['nothing pending', [], false, 'nothing-pending', null],
    ['nothing pending, forced', [], true, 'nothing-pending', null],
    ['one, young', [10], false, 'below-goal', 590],
    ['one, young, forced', [10], true, 'forced', null],
    ['one, its time just up', [600], false, 'overdue', null],
    ['one, its time long up', [9000], false, 'overdue', null],
    ['minimum, young', [10, 20], false, 'below-goal', 50],
    ['minimum, the quiet period just over', [60, 70], false, 'quiet', null],
    ['minimum, time up, still coming in', [1, 600], false, 'timeout', null],
    ['minimum, time up before the quiet period ends', [1, 590], false, 'below-goal', 10],
    ['goal', [0, 0, 0, 0], false, 'report-goal', null],
    ['goal, forced', [0, 0, 0, 0], true, 'forced', null],
    ['more than can be taken', [1, 2, 3, 4, 5, 6, 7], false, 'report-goal', null],
  ] as const)('%s', (_, ages, force, expected, nextSec) => {
    const decision = decide(POLICY, aged(...ages), new Date(NOW), force);
    expect(decision.kind === 'start' ? decision.start : decision.wait).toBe(expected);
    const next = decision.kind === 'wait' ? decision.nextCheckAt : undefined;
    expect(next === undefined ? null : (next.getTime() - NOW) / 1000).toBe(nextSec);
  });

  test('without a quiet period, silence starts nothing', () => {
    const decision = decide({ ...POLICY, quietPeriodSec: 0 }, aged(300, 400), new Date(NOW));
    expect(decision).toMatchObject({ kind: 'wait', wait: 'below-goal', nextCheckAt: new Date(NOW + 200_000) });
  });

  test.each([
    [
      [10],
      '1 of 4 updates are pending. The task waits for 3 more; with at least 2 a round starts at 2026-01-01T12:09:50Z, with fewer it is overdue from then on.',
    ],
    [
      [10, 20],
      '2 of 4 updates are pending. The task waits for 2 more, and starts without them at 2026-01-01T12:00:50Z if nothing more is uploaded, else at 2026-01-01T12:09:40Z (minimum 2).',
    ],
    [
      [700],
      'Overdue since 2026-01-01T11:58:20Z (600 s after the oldest upload): 1 update is pending and at least 2 are needed. The task waits for 1 more, without a time limit.',
    ],
    [
      [],
      'No update is pending; a round starts at 4 updates, or with at least 2 when the round timeout has passed. The task waits for uploads, without a time limit.',
    ],
    [
      [1, 2, 3, 4, 5, 6],
      '6 updates are pending: the report goal of 4 is reached; the round takes the oldest 5 (maxReports).',
    ],
  ])('the sentence for ages %j', (ages, sentence) => {
    expect(decide(POLICY, aged(...ages), new Date(NOW)).reason).toBe(sentence);
  });

  test('the backoff doubles per attempt, up to ten minutes', () => {
    const policy = policyOf({ retryBackoffSec: 30 });
    expect([2, 3, 4, 5, 6, 7, 20].map((attempt) => backoffSec(policy, attempt))).toEqual([
      30, 60, 120, 240, 480, 600, 600,
    ]);
  });
});

const policies: fc.Arbitrary<RoundPolicy> = fc
  .tuple(
    fc.integer({ min: 1, max: 8 }),
    fc.integer({ min: 0, max: 8 }),
    fc.integer({ min: 0, max: 4 }),
    fc.integer({ min: 1, max: 90 }),
    fc.integer({ min: 0, max: 90 }),
  )
  .map(([reportGoal, fewer, more, roundTimeoutSec, quietPeriodSec]) =>
    policyOf({
      reportGoal,
      minReports: Math.max(1, reportGoal - fewer),
      maxReports: reportGoal + more,
      roundTimeoutSec,
      quietPeriodSec,
    }),
  );
const pendings = fc.array(fc.integer({ min: -5, max: 120 }), { maxLength: 14 }).map((ages) => aged(...ages));
/** The decision in one word. */
const codeAt = (policy: RoundPolicy, pending: readonly Pending[], ms: number, force = false): string => {
  const decision = decide(policy, pending, new Date(ms), force);
  return decision.kind === 'start' ? 'start' : decision.wait;
};
const holds = (property: (policy: RoundPolicy, pending: readonly Pending[]) => boolean): unknown =>
  fc.check(fc.property(policies, pendings, property), { numRuns: 500 }).counterexample;

describe('decide, as the policy says it', () => {
  test('starts exactly when the goal is met, or the minimum and a time', () => {
    const asSaid = (policy: RoundPolicy, pending: readonly Pending[]): boolean => {
      const times = pending.map(({ timeCreatedMs }) => timeCreatedMs);
      const timedOut = NOW - Math.min(...times) >= policy.roundTimeoutSec * 1000;
      const quiet = policy.quietPeriodSec > 0 && NOW - Math.max(...times) >= policy.quietPeriodSec * 1000;
      const enough = pending.length > 0 && pending.length >= policy.minReports;
      const starts = pending.length >= policy.reportGoal || (enough && (timedOut || quiet));
      return (codeAt(policy, pending, NOW) === 'start') === starts;
    };
    expect(holds(asSaid)).toBeNull();
  });

  test('forced, it starts with whatever is there, and not with nothing', () => {
    expect(
      holds((policy, pending) => (codeAt(policy, pending, NOW, true) === 'start') === pending.length > 0),
    ).toBeNull();
  });

  test('a start takes the oldest, at least the minimum and at most maxReports', () => {
    const takesOldest = (policy: RoundPolicy, pending: readonly Pending[]): boolean => {
      const decision = decide(policy, pending, new Date(NOW));
      if (decision.kind === 'wait') return true;
      const { updates } = decision;
      const youngestTaken = Math.max(...updates.map(({ timeCreatedMs }) => timeCreatedMs));
      const left = pending.filter((update) => !updates.includes(update));
      const size =
        updates.length === Math.min(pending.length, policy.maxReports) && updates.length >= policy.minReports;
      return size && left.every(({ timeCreatedMs }) => timeCreatedMs >= youngestTaken);
    };
    expect(holds(takesOldest)).toBeNull();
  });

  test('the selection does not depend on the order of the listing', () => {
    const names = (pending: readonly Pending[], max: number): string =>
      selectUpdates(pending, max)
        .map(({ name }) => name)
        .join();
    expect(
      holds(({ maxReports }, pending) => names(pending.toReversed(), maxReports) === names(pending, maxReports)),
    ).toBeNull();
  });

  test('time alone changes a decision at nextCheckAt, and not before', () => {
    const changesThen = (policy: RoundPolicy, pending: readonly Pending[]): boolean => {
      const decision = decide(policy, pending, new Date(NOW));
      if (decision.kind === 'start') return codeAt(policy, pending, NOW + 10 ** 8) === 'start';
      const at = decision.nextCheckAt?.getTime();
      if (at === undefined) return codeAt(policy, pending, NOW + 10 ** 9) === decision.wait;
      return codeAt(policy, pending, at - 1) === decision.wait && codeAt(policy, pending, at) !== decision.wait;
    };
    expect(holds(changesThen)).toBeNull();
  });

  test('every wait says what it waits for, and until when if time can end it', () => {
    const says = (policy: RoundPolicy, pending: readonly Pending[]): boolean => {
      const decision = decide(policy, pending, new Date(NOW));
      if (decision.kind === 'start') return true;
      const until = decision.nextCheckAt === undefined ? 'without a time limit' : formatTime(decision.nextCheckAt);
      return /waits for (\d+ more|uploads)/.test(decision.reason) && decision.reason.includes(until);
    };
    expect(holds(says)).toBeNull();
  });
});
