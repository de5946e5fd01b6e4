import { describe, expect, test } from 'vitest';
import { DeadlineError } from '../../src/errors.ts';
import { createCoalescer } from '../../src/rounds/coalesce.ts';

/** Work that the test ends. */
const setUp = () => {
  const coalescer = createCoalescer<number>();
  const runs: {
    readonly force: boolean;
    readonly signal: AbortSignal;
    readonly end: () => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const work = ({ force, signal }: { force: boolean; signal: AbortSignal }): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const number = runs.length;
    runs.push({ force, signal, end: () => resolve(number), fail: reject });
    return promise;
  };
  const call = (force = false, signal?: AbortSignal): Promise<number> =>
    coalescer.run('t', { force, ...(signal !== undefined && { signal }) }, work);
  return { coalescer, runs, call, work };
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One look runs; another waits, which its only caller has left. */
const setUpLeft = async () => {
  const { runs, call } = setUp();
  void call();
  await turn();
  const leaving = new AbortController();
  const left = call(false, leaving.signal);
  leaving.abort();
  await expect(left).rejects.toThrow(DeadlineError);
  return { runs, call };
};

describe('coalescing', () => {
  test('calls during a run share one fresh look after it', async () => {
    const { runs, call } = setUp();
    const first = call();
    await turn();
    const later = [call(), call(true), call()];
    await turn();
    expect(runs).toHaveLength(1);
    runs[0]?.end();
    expect(await first).toBe(0);
    await turn();
    expect(runs).toHaveLength(2);
    expect(runs[1]?.force).toBe(true);
    runs[1]?.end();
    expect(await Promise.all(later)).toEqual([1, 1, 1]);
  });

  test('a batch that all callers left before it started runs completely for a later caller', async () => {
    const { runs, call } = await setUpLeft();
    const joined = call();
    runs[0]?.end();
    await turn();
    expect(runs[1]?.signal.aborted).toBe(false);
    runs[1]?.end();
    expect(await joined).toBe(1);
  });

  test('a batch without a caller is aborted when it starts', async () => {
    const { runs } = await setUpLeft();
    runs[0]?.end();
    await turn();
    expect(runs[1]?.signal.aborted).toBe(true);
  });

  test('a call that comes while the shared look runs gets another', async () => {
    const { runs, call } = setUp();
    void call();
    await turn();
    const second = call();
    runs[0]?.end();
    await turn();
    const third = call();
    runs[1]?.end();
    expect(await second).toBe(1);
    await turn();
    runs[2]?.end();
    expect(await third).toBe(2);
  });

  test('a failed run fails its own callers only', async () => {
    const { runs, call } = setUp();
    const first = call();
    await turn();
    const second = call();
    runs[0]?.fail(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    await turn();
    runs[1]?.end();
    expect(await second).toBe(1);
  });

  test('keys do not wait for each other, and an idle key keeps nothing', async () => {
    const { coalescer, runs, call, work } = setUp();
    void call();
    const other = coalescer.run('u', {}, work);
    await turn();
    runs[1]?.end();
    expect(await other).toBe(1);
    runs[0]?.end();
    await turn();
    const again = call();
    await turn();
    runs[2]?.end();
    expect(await again).toBe(2);
  });

  test('one caller that gives up does not end the work of the others; the last one does', async () => {
    const { runs, call } = setUp();
    const [one, two] = [new AbortController(), new AbortController()];
    const calls = [call(false, one.signal)];
    await turn();
    const waiting = [call(false, one.signal), call(false, two.signal)];
    one.abort();
    await expect(calls[0]).rejects.toThrow(DeadlineError);
    expect(runs[0]?.signal.aborted).toBe(true);
    await expect(waiting[0]).rejects.toThrow(DeadlineError);
    runs[0]?.end();
    await turn();
    expect(runs[1]?.signal.aborted).toBe(false);
    two.abort();
    await expect(waiting[1]).rejects.toThrow(DeadlineError);
    expect(runs[1]?.signal.aborted).toBe(true);
  });
});
