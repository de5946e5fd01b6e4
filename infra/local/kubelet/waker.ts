/** A timer of Node cannot be set for more than about 24 days; it would fire at once. */
const MAX_SLEEP_MS = 3_600_000;

export interface Waker {
  /** Ends the present sleep, or the next one before it begins. */
  readonly wake: () => void;
  /** Until woken, or until that time (ms since the epoch) if it is not `null`; may end early. */
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
