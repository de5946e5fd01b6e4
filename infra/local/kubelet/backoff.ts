/** Delays before the kubelet retries. */
export interface Timings {
  /** After a fault that a user can correct, such as a Secret that does not exist yet. */
  readonly retryMs: number;
  /** The first wait of CrashLoopBackOff and ImagePullBackOff; doubled each time. 10 s in a real kubelet. */
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** The longest grace period of a process when the kubelet is closed. */
  readonly shutdownGraceMs: number;
  /** How often a readiness or startup probe is tried before its first success. */
  readonly eagerProbeMs: number;
}

export const DEFAULT_TIMINGS: Timings = {
  retryMs: 1000,
  backoffBaseMs: 1000,
  backoffCapMs: 300_000,
  shutdownGraceMs: 3000,
  eagerProbeMs: 1000,
};

/** Doubling delays: the first restart is immediate, and the count restarts after a run of twice the longest delay, as in the kubelet. */
export interface CrashBackoff {
  next(ranMs: number): number;
}

/** The delay before attempt `n` (1, 2, ...) after the first. */
export function backoffDelay(n: number, { backoffBaseMs, backoffCapMs }: Timings): number {
  return Math.min(backoffCapMs, backoffBaseMs * 2 ** Math.min(n - 1, 30));
}

export function createCrashBackoff(timings: Timings): CrashBackoff {
  let crashes = 0;
  return {
    next: (ranMs) => {
      if (ranMs > timings.backoffCapMs * 2) crashes = 0;
      crashes += 1;
      return crashes === 1 ? 0 : backoffDelay(crashes - 1, timings);
    },
  };
}
