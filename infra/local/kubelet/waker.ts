/** Node's timers fire at once for delays of more than about 24 days. */
const MAX_SLEEP_MS = 3_600_000;

export interface Waker {
  /** Ends the current sleep, or the next one before it starts. */
  readonly wake: () => void;
  /** Sleeps until woken, or until the given time (ms since the epoch) if it is not `null`. May end early. */
  sleepUntil(timeMs: number | null): Promise<void>;
}

/** For a loop that reads its state whenever something happened. A wake during the read is not lost. */
export function createWaker(): Waker {
  let woken = false;
  let end: () => void = () => {};
  return {
    wake: () => {
      woken = true;
      end();
    },
    sleepUntil: async (timeMs) => {
      if (!woken) {
        await new Promise<void>((resolve) => {
          const timer =
            timeMs === null ? undefined : setTimeout(resolve, Math.min(MAX_SLEEP_MS, Math.max(0, timeMs - Date.now())));
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      woken = false;
      end = () => {};
    },
  };
}
