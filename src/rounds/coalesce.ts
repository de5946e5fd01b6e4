import { DeadlineError } from '../errors.ts';

export interface CoalesceOptions {
  readonly force?: boolean;
  /** Ends this caller's wait. The work itself is ended when every caller's signal has fired. */
  readonly signal?: AbortSignal;
}

export type Work<T> = (options: { readonly force: boolean; readonly signal: AbortSignal }) => Promise<T>;

/** At most one call per key runs and one waits; whoever comes meanwhile joins the waiting one, never the running one. */
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

/** For one instance. A call that joined the running one could be answered by a look taken before its event. */
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
    // Every caller may have left; whoever is left hears of it.
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
    // One that waits may be joined yet: its time begins with its work.
    if (batch.begun && batch.callers === 0) batch.controller.abort();
    reject(new DeadlineError('advance: the deadline passed; the next sweep goes on from what is in the bucket'));
  }
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([batch.result, expired]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
