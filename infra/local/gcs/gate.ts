/** Limits concurrency; others wait in order. */
export interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>;
}

/** Returns a gate for `limit` at a time, in the order of arrival. */
export function createGate(limit: number): Gate {
  let free = limit;
  const waiting: (() => void)[] = [];
  return {
    async pass(work) {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await work();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}
