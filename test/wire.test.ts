import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { UpstreamError } from '../src/errors.ts';
import { createLog } from '../src/log.ts';
import { eventBudgetMs, wire } from '../src/wire.ts';

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

test('a kubeconfig that does not exist is refused at start', () => {
  const config = parseConfig({ STATE_URI: 'gs://state', ALLOWED_BUCKETS: 'uploads', KUBECONFIG: '/nowhere/config' });
  const start = (): unknown =>
    wire(
      config,
      createLog(() => undefined),
    );
  expect(start).toThrow(UpstreamError);
  expect(start).toThrow('The kubeconfig /nowhere/config could not be read (ENOENT)');
});
