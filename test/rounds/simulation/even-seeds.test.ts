import { expect, test } from 'vitest';
import { runSeeds } from './run-seeds.ts';

// The other half is in a file of its own, so that the two run side by side.
test('no rule is broken in the schedules of 1,000 even seeds', { timeout: 300_000 }, async () => {
  expect(await runSeeds(2, 1000, 2)).toBeNull();
});
