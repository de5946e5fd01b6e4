/** Lets at most so many pass at once; the others wait in line. */
export interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>;
}

/** A gate that lets `limit` pass at once, in the order of arrival. */
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
