import { describe, expect, test } from 'vitest';
import { prefetch } from '../../src/aggregator/prefetch.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let at = 0; at < count; at += 1) yield at;
}

describe('prefetch', () => {
  test('gives all in order, however the loads end, and never has more under way than asked', async () => {
    let underWay = 0;
    let most = 0;
    const load = async (item: number): Promise<number> => {
      underWay += 1;
      most = Math.max(most, underWay);
      for (let turn = 0; turn < (item * 7) % 5; turn += 1) await Promise.resolve();
      return item;
    };
    const taken: number[] = [];
    for await (const item of prefetch(numbers(50), load, 4)) {
      taken.push(item);
      underWay -= 1;
    }
    expect(taken).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(most).toBe(4);
  });

  test('tells the first fault in order, though a later one was there before', async () => {
    const later = Promise.reject(new Error('fault of 3'));
    const load = (item: number): Promise<number> => {
      if (item === 3) return later;
      return item === 2 ? later.catch(() => Promise.reject(new Error('fault of 2'))) : Promise.resolve(item);
    };
    const taken: number[] = [];
    const take = async (): Promise<void> => {
      for await (const item of prefetch(numbers(9), load, 4)) taken.push(item);
    };
    await expect(take()).rejects.toThrow('fault of 2');
    expect(taken).toEqual([0, 1]);
  });

  test('of nothing gives nothing', async () => {
    expect(await prefetch(numbers(0), (item) => Promise.resolve(item), 4).next()).toEqual({ done: true });
  });
});
