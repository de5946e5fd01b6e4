/** Whether the tests run at the full size of their promise (`E2E_FULL=1`), or smaller for a quick `npm test`. */
export const isFull = process.env['E2E_FULL'] === '1';

/** `full` with `E2E_FULL=1`, else `quick`. */
export const sized = (quick: number, full: number): number => (isFull ? full : quick);

/** The machine may be busy with other tests. */
export const PATIENCE_MS = isFull ? 600_000 : 90_000;

/** How long one condition is waited for: less than the test, so that the failure tells what was not met. */
export const UNTIL_MS = isFull ? 300_000 : 40_000;
