/** Work that is due, each key once, done one after another after the present turn of the event loop. */
export interface WorkQueue {
  add(key: string): void;
  close(): void;
}

/**
 * `work` is called with each added key. What it throws is reported, and does not stop the others: a controller that
 * dies of one odd object would leave all the rest of the cluster standing.
 */
export const createWorkQueue = (
  work: (key: string) => void,
  report: (key: string, error: unknown) => void,
): WorkQueue => {
  const due = new Set<string>();
  let scheduled = false;
  let isClosed = false;

  const run = (): void => {
    scheduled = false;
    const keys = [...due];
    due.clear();
    for (const key of keys) {
      if (isClosed) return;
      try {
        work(key);
      } catch (error) {
        report(key, error);
      }
    }
  };

  return {
    add: (key) => {
      due.add(key);
      if (scheduled || isClosed) return;
      scheduled = true;
      setImmediate(run);
    },
    close: () => {
      isClosed = true;
      due.clear();
    },
  };
};
