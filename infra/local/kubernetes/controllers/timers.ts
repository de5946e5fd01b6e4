/** One timer per key; setting it anew replaces the earlier one. */
export interface Timers {
  set(key: string, delayMs: number): void;
  clear(key: string): void;
  close(): void;
}

/** Longer than this, setTimeout would fire at once: the timer is then set again until the time has come. */
const longestMs = 2 ** 31 - 1;

export function createTimers(due: (key: string) => void): Timers {
  const timers = new Map<string, NodeJS.Timeout>();
  function clear(key: string): void {
    clearTimeout(timers.get(key));
    timers.delete(key);
  }
  return {
    set: (key, delayMs) => {
      clear(key);
      function fire(): void {
        timers.delete(key);
        due(key);
      }
      timers.set(key, setTimeout(fire, Math.min(longestMs, Math.max(0, delayMs))));
    },
    clear,
    close: () => {
      for (const key of timers.keys()) clear(key);
    },
  };
}
