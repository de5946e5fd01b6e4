import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../scheduler/execute.ts';

const policy = { retryCount: 5, minBackoffMs: 10_000, maxBackoffMs: 300_000, maxDoublings: 3, attemptDeadlineMs: 1 };

test('waits 10 s, 20 s, 40 s, 80 s, then grows by 80 s up to the maximum, as the API documents', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7].map((n) => backoffMs(n, policy) / 1000);
  expect(waits).toEqual([10, 20, 40, 80, 160, 240, 300]);
});

test('never shrinks and never passes the maximum', () => {
  fc.assert(
    fc.property(fc.nat(60), fc.nat(8), fc.integer({ min: 1, max: 10_000 }), (n, maxDoublings, minBackoffMs) => {
      const given = { ...policy, maxDoublings, minBackoffMs };
      expect(backoffMs(n + 2, given)).toBeGreaterThanOrEqual(backoffMs(n + 1, given));
      expect(backoffMs(n + 1, given)).toBeLessThanOrEqual(policy.maxBackoffMs);
    }),
  );
});
