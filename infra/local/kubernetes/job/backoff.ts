import type { KubeObject } from '../types.ts';
import { finishedAtMs } from './pod-views.ts';

/** How long replacements wait: kept in memory only, as in the real controller. */
export interface Backoff {
  readonly failuresAfterLastSuccess: number;
  readonly lastFailureMs: number;
}

export const noBackoff: Backoff = { failuresAfterLastSuccess: 0, lastFailureMs: 0 };

const longestMs = 10 * 60_000;

/** The record after more pods have ended. A success forgives the failures before it. */
export function nextBackoff(before: Backoff, succeeded: readonly KubeObject[], failed: readonly KubeObject[]): Backoff {
  if (succeeded.length === 0 && failed.length === 0) return before;
  const lastSuccessMs = Math.max(...succeeded.map(finishedAtMs), Number.NEGATIVE_INFINITY);
  const failures = failed.map(finishedAtMs).filter((end) => end > lastSuccessMs);
  const earlier = succeeded.length === 0 ? before : noBackoff;
  return {
    failuresAfterLastSuccess: earlier.failuresAfterLastSuccess + failures.length,
    lastFailureMs: Math.max(earlier.lastFailureMs, ...failures),
  };
}

/** What is left of the pause: `baseMs` after one failure, twice that after two, and so on to ten minutes. */
export function remainingBackoffMs(backoff: Backoff, baseMs: number, nowMs: number): number {
  if (backoff.failuresAfterLastSuccess === 0) return 0;
  const pauseMs = Math.min(longestMs, baseMs * 2 ** (backoff.failuresAfterLastSuccess - 1));
  return Math.max(0, pauseMs - (nowMs - backoff.lastFailureMs));
}
