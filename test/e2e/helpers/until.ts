import { vi } from 'vitest';
import { UNTIL_MS } from './size.ts';

/** What `check` returns once it does not throw any more. Rejects with its last error after `timeoutMs`. */
export const until = <T>(check: () => Promise<T> | T, timeoutMs = UNTIL_MS): Promise<T> =>
  vi.waitFor(check, { timeout: timeoutMs, interval: 120 });
