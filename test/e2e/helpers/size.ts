/**
 * How much the tests try, by TEST_SIZE: `quick` (default, for a `npm test` of under three minutes), `ci` (what .ci/run
 * asks for), or `full` (the promise: 1,000 uploads at once, 100 kills, every write of every walk).
 */
export type Size = 'quick' | 'ci' | 'full';

const SIZES: readonly Size[] = ['quick', 'ci', 'full'];

const readSize = (given = 'quick'): Size => {
  const size = SIZES.find((each) => each === given);
  if (size === undefined) throw new Error(`TEST_SIZE is "${given}": it is one of ${SIZES.join(', ')}`);
  return size;
};

export const size = readSize(process.env['TEST_SIZE']);

/** One of three, by the size. */
export const sized = <T>(quick: T, ci: T, full: T): T => ({ quick, ci, full })[size];

/** The machine may be busy with other tests. */
export const PATIENCE_MS = sized(180_000, 180_000, 600_000);

/** How long one condition is waited for: less than the test, so that the failure tells what was not met. */
export const UNTIL_MS = sized(90_000, 90_000, 300_000);
