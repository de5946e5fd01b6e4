import { describe, expect, test } from 'vitest';
import type { Fault } from '../../gcs/faults.ts';
import { at, startApi, upload } from './api.ts';

async function startWith(fault: Fault) {
  const asked: string[] = [];
  let next: Fault = undefined;
  const api = await startApi({
    faults: ({ method, path }) => {
      asked.push(`${method} ${path}`);
      const now = next;
      next = undefined;
      return now;
    },
  });
  return { api, asked, arm: () => (next = fault) };
}

describe('injected faults', () => {
  test('are asked for once per request, with its path and query', async () => {
    const { api, asked } = await startWith(undefined);
    await api.put('f', '');
    expect(asked).toEqual([`POST ${upload('f')}`]);
  });

  test('a status is answered instead, and nothing is carried out', async () => {
    const { api, arm } = await startWith({ status: 429, headers: { 'retry-after': '7' } });
    arm();
    const answer = await api.send('POST', upload('f'), 'x');
    expect(answer).toMatchObject({ status: 429, json: { error: { code: 429 } } });
    expect(answer.headers.get('retry-after')).toBe('7');
    expect((await api.send('GET', at('f'))).status).toBe(404);
  });

  test.each([
    ['reset-before', 404],
    ['reset-after', 200],
  ] as const)('%s drops the connection; a get then answers %i', async (fault, status) => {
    const { api, arm } = await startWith(fault);
    arm();
    await expect(api.send('POST', upload('f'), 'x'.repeat(200_000))).rejects.toThrow('fetch failed');
    expect((await api.send('GET', at('f'))).status).toBe(status);
  });

  test('reset-after of a download drops it, too', async () => {
    const { api, arm } = await startWith('reset-after');
    await api.put('f', 'x'.repeat(200_000));
    arm();
    await expect(api.send('GET', `${at('f')}?alt=media`)).rejects.toThrow('fetch failed');
  });

  test('a delay is waited for', async () => {
    const { api, arm } = await startWith({ delayMs: 1 });
    arm();
    expect(await api.put('f', '')).not.toBe('');
  });
});
