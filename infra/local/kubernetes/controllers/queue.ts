/** A work queue with unique keys, processed one after another after the current turn of the event loop. */
export interface WorkQueue {
  add(key: string): void;
  close(): void;
}

/** Maximum time in the event loop at once. */
const sliceMs = 5;

/**
 * `work` is called with each added key. Its errors are reported and do not stop the others: one invalid
 * object must not stop the controller for the whole cluster.
 */
export function createWorkQueue(work: (key: string) => void, report: (key: string, error: unknown) => void): WorkQueue {
  const due = new Set<string>();
  let scheduled = false;
  let isClosed = false;

  function schedule(): void {
    if (scheduled || isClosed || due.size === 0) return;
    scheduled = true;
    setImmediate(run);
  }

  function run(): void {
    scheduled = false;
    const endsAt = performance.now() + sliceMs;
    for (const key of due) {
      due.delete(key);
      attempt(key);
      // Requests must not wait until all the work is done.
      if (performance.now() > endsAt) break;
    }
    schedule();
  }

  function attempt(key: string): void {
    if (isClosed) return;
    try {
      work(key);
    } catch (error) {
      report(key, error);
    }
  }

  return {
    add: (key) => {
      due.add(key);
      schedule();
    },
    close: () => {
      isClosed = true;
      due.clear();
    },
  };
}
