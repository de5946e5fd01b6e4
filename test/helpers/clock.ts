/** A clock that moves when somebody pauses; all pauses that are due end together. */
export function createClock() {
  let at = 0;
  const sleepers: { readonly until: number; readonly wake: () => void }[] = [];
  return {
    now: () => at,
    /** How many pause now. */
    sleepers: () => sleepers.length,
    pause: (ms: number) => new Promise<void>((wake) => sleepers.push({ until: at + ms, wake })),
    async pass(ms: number): Promise<void> {
      at += ms;
      for (const sleeper of sleepers.splice(0)) {
        if (sleeper.until <= at) sleeper.wake();
        else sleepers.push(sleeper);
      }
      // Every continuation of what woke runs before the clock moves again.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
