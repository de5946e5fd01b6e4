import { DeadlineError } from '../errors.ts';

export interface CoalesceOptions {
  readonly force?: boolean;
  /** Ends the wait of this caller. The work is aborted when the signals of all callers have fired. */
  readonly signal?: AbortSignal | undefined;
}

export type Work<T> = (options: { readonly force: boolean; readonly signal: AbortSignal }) => Promise<T>;

/** Per key, at most one call runs and one waits. A further call joins the waiting one, never the running one. */
export interface Coalescer<T> {
  run(key: string, options: CoalesceOptions, work: Work<T>): Promise<T>;
}

interface Batch<T> {
  force: boolean;
  callers: number;
  begun: boolean;
  readonly controller: AbortController;
  readonly result: Promise<T>;
}

interface Lane<T> {
  readonly running: Batch<T>;
  waiting: Batch<T> | null;
}

/** For one instance. A call that joined the running one could get a result from before its event. */
export function createCoalescer<T>(): Coalescer<T> {
  const lanes = new Map<string, Lane<T>>();

  function begin(key: string, work: Work<T>, after: Promise<unknown>): Batch<T> {
    const controller = new AbortController();
    async function start(): Promise<T> {
      await after;
      if (lanes.get(key)?.waiting === batch) lanes.set(key, { running: batch, waiting: null });
      batch.begun = true;
      if (batch.callers === 0) controller.abort();
      try {
        return await work({ force: batch.force, signal: controller.signal });
      } finally {
        if (lanes.get(key)?.waiting === null) lanes.delete(key);
      }
    }
    const batch: Batch<T> = {
      force: false,
      callers: 0,
      begun: false,
      controller,
      result: Promise.resolve().then(start),
    };
    // All callers may have left by the time it fails; the callers that remain receive the error.
    batch.result.catch(() => undefined);
    return batch;
  }

  return {
    run: (key, options, work) => {
      const lane = lanes.get(key);
      if (lane === undefined) {
        const running = begin(key, work, Promise.resolve());
        lanes.set(key, { running, waiting: null });
        return join(running, options);
      }
      lane.waiting ??= begin(
        key,
        work,
        lane.running.result.catch(() => undefined),
      );
      return join(lane.waiting, options);
    },
  };
}

async function join<T>(batch: Batch<T>, { force = false, signal }: CoalesceOptions): Promise<T> {
  batch.force ||= force;
  batch.callers += 1;
  if (signal === undefined) return batch.result;
  const { promise: expired, reject } = Promise.withResolvers<never>();
  function leave(): void {
    batch.callers -= 1;
    // A waiting batch can still be joined, so its work is not aborted before it starts.
    if (batch.begun && batch.callers === 0) batch.controller.abort();
    reject(new DeadlineError('advance: the deadline passed; the next sweep continues from the state in the bucket'));
  }
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([batch.result, expired]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
