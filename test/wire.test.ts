import { expect, test } from 'vitest';
import { eventBudgetMs } from '../src/wire.ts';

test.each([
  [0, 8_000],
  [1.2345678, 6_765],
  [6.5, 2_000],
  [7.99, 2_000],
  [8, 8_000],
  [3_600.5, 8_000],
])('an event %d s after the start has %i ms', (uptimeSec, budgetMs) => {
  expect(eventBudgetMs(uptimeSec)).toBe(budgetMs);
});
