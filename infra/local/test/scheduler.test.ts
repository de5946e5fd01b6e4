import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { closeServer, listenOnLoopback } from '../loopback.ts';
import { startScheduler } from '../scheduler.ts';
import type { SchedulerJob, SchedulerOptions } from '../scheduler.ts';
import type { ExecutionResult } from '../scheduler/execute.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  answer(status: number): void;
}

/** A target that answers `statuses` in turn and then 204; with `hold`, only when the test says so. */
async function startTarget({ statuses = [], hold = false }: { statuses?: number[]; hold?: boolean } = {}) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      const status = statuses[received.length] ?? 204;
      function answer(code: number): void {
        return void response.writeHead(code).end();
      }
      received.push({ headers: request.headers, body, answer });
      if (!hold) answer(status);
    });
  });
  const port = await listenOnLoopback(server);
  onTestFinished(() => closeServer(server));
  return { url: `http://127.0.0.1:${port}/`, received };
}

function until(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 90_000, interval: 5 });
}

function start(options: Omit<SchedulerOptions, 'now' | 'pollMs'> & { startAt: string }) {
  const clock = { nowMs: Date.parse(options.startAt) };
  const results: ExecutionResult[] = [];
  const scheduler = startScheduler({
    pollMs: 1,
    now: () => clock.nowMs,
    onResult: (result) => results.push(result),
    ...options,
  });
  onTestFinished(() => scheduler.close());
  return { scheduler, clock, results, advanceTo: (time: string) => (clock.nowMs = Date.parse(time)) };
}

describe('a cron job', () => {
  test('is posted at its tick with the headers of Cloud Scheduler', async () => {
    const { url, received } = await startTarget();
    const job: SchedulerJob = { name: 'nightly', cron: '0 2 * * *', url, body: '{"a":1}', headers: { 'X-Own': 'yes' } };
    const { advanceTo, results } = start({ jobs: () => [job], startAt: '2026-03-01T01:59:00Z' });
    advanceTo('2026-03-01T02:00:00.250Z');
    await until(() => expect(results).toHaveLength(1));
    expect(received).toHaveLength(1);
    expect(received[0]?.body).toBe('{"a":1}');
    expect(received[0]?.headers).toMatchObject({
      'user-agent': 'Google-Cloud-Scheduler',
      'x-cloudscheduler': 'true',
      'x-cloudscheduler-jobname': 'nightly',
      'x-cloudscheduler-scheduletime': '2026-03-01T02:00:00Z',
      'content-type': 'application/octet-stream',
      'x-own': 'yes',
    });
    expect(results[0]).toEqual({
      name: 'nightly',
      scheduleTime: '2026-03-01T02:00:00Z',
      attempts: 1,
      status: 204,
      ok: true,
    });
  });

  test('ticks by the clock of its time zone and says so in the offset', async () => {
    const { url, received } = await startTarget();
    const job = { name: 'j', cron: '30 8 * * *', timeZone: 'Asia/Kolkata', url };
    const { scheduler, advanceTo } = start({ jobs: () => [job], startAt: '2026-03-01T00:00:00Z' });
    expect(scheduler.nextTick('j')).toEqual(new Date('2026-03-01T03:00:00Z'));
    advanceTo('2026-03-01T03:00:00Z');
    await until(() => expect(received).toHaveLength(1));
    expect(received[0]?.headers['x-cloudscheduler-scheduletime']).toBe('2026-03-01T08:30:00+05:30');
  });

  test('is retried on an answer that is not 2xx, with the same schedule time', async () => {
    const { url, received } = await startTarget({ statuses: [500, 302, 200] });
    const retry = { retryCount: 4, minBackoffMs: 1 };
    const { advanceTo, results } = start({
      jobs: () => [{ name: 'j', cron: '* * * * *', url }],
      retry,
      startAt: '2026-03-01T00:00:30Z',
    });
    advanceTo('2026-03-01T00:01:00Z');
    await until(() => expect(results).toHaveLength(1));
    expect(results[0]).toMatchObject({ attempts: 3, status: 200, ok: true });
    expect(new Set(received.map(({ headers }) => headers['x-cloudscheduler-scheduletime']))).toEqual(
      new Set(['2026-03-01T00:01:00Z']),
    );
  });

  test('is not retried by default, and an unreachable target is a result', async () => {
    const job = { name: 'j', cron: '* * * * *', url: 'http://127.0.0.1:9/' };
    const { advanceTo, results } = start({ jobs: () => [job], startAt: '2026-03-01T00:00:30Z' });
    advanceTo('2026-03-01T00:01:00Z');
    await until(() => expect(results).toHaveLength(1));
    expect(results[0]).toMatchObject({ attempts: 1, status: null, ok: false, error: expect.any(String) });
  });

  test('is never outstanding twice: the first tick missed meanwhile follows late, the others are lost', async () => {
    const { url, received } = await startTarget({ hold: true });
    const { advanceTo, scheduler } = start({
      jobs: () => [{ name: 'j', cron: '* * * * *', url }],
      startAt: '2026-03-01T00:00:30Z',
    });
    advanceTo('2026-03-01T00:01:00Z');
    await until(() => expect(received).toHaveLength(1));
    advanceTo('2026-03-01T00:04:10Z');
    for (let look = 0; look < 20; look += 1) await setImmediate();
    expect(received).toHaveLength(1);
    received[0]?.answer(204);
    await until(() => expect(received).toHaveLength(2));
    expect(received[1]?.headers['x-cloudscheduler-scheduletime']).toBe('2026-03-01T00:02:00Z');
    expect(scheduler.nextTick('j')).toEqual(new Date('2026-03-01T00:05:00Z'));
  });

  test('follows the list of jobs as it changes', async () => {
    const { url } = await startTarget();
    let jobs: SchedulerJob[] = [{ name: 'a', cron: '0 0 * * *', url }];
    const faults: string[] = [];
    function onFault(job: string): void {
      return void faults.push(job);
    }
    const { scheduler } = start({ jobs: () => jobs, onFault, startAt: '2026-03-01T12:00:00Z' });
    jobs = [
      { name: 'a', cron: '0 18 * * *', url },
      { name: 'b', cron: 'often', url },
    ];
    await until(() => expect(scheduler.nextTick('a')).toEqual(new Date('2026-03-01T18:00:00Z')));
    await until(() => expect(faults).toEqual(['b']));
    jobs = [];
    await until(() => expect(scheduler.nextTick('a')).toBeNull());
  });

  test.each([
    ['a line that is not cron', { cron: 'every day' }],
    ['a sixth field', { cron: '0 0 * * * *' }],
    ['an unknown time zone', { cron: '0 0 * * *', timeZone: 'Mars/Olympus' }],
  ])('%s is refused at start', (_, faulty) => {
    expect(() => startScheduler({ jobs: () => [{ name: 'j', url: 'http://127.0.0.1:9/', ...faulty }] })).toThrow();
  });
});

describe('a forced run', () => {
  test.each([
    ['none', undefined],
    ['next', '2026-03-02T02:00:00Z'],
  ] as const)('with schedule time %s', async (scheduleTime, header) => {
    const { url, received } = await startTarget();
    const jobs = [{ name: 'nightly', cron: '0 2 * * *', url }];
    const { scheduler } = start({ jobs: () => jobs, startAt: '2026-03-01T12:00:00Z' });
    expect(await scheduler.runNow('nightly', { scheduleTime })).toMatchObject({
      ok: true,
      scheduleTime: header ?? null,
    });
    expect(received[0]?.headers['x-cloudscheduler-scheduletime']).toBe(header);
    expect(received[0]?.headers['x-cloudscheduler-jobname']).toBe('nightly');
  });

  test('is dispatched even while the job is running', async () => {
    const { url, received } = await startTarget({ hold: true });
    const { scheduler } = start({
      jobs: () => [{ name: 'j', cron: '0 2 * * *', url }],
      startAt: '2026-03-01T12:00:00Z',
    });
    const runs = [scheduler.runNow('j'), scheduler.runNow('j')];
    await until(() => expect(received).toHaveLength(2));
    for (const request of received) request.answer(204);
    expect((await Promise.all(runs)).map(({ ok }) => ok)).toEqual([true, true]);
  });

  test('of an unknown job is refused', async () => {
    const { scheduler } = start({ jobs: () => [], startAt: '2026-03-01T12:00:00Z' });
    await expect(scheduler.runNow('nobody')).rejects.toThrow('no scheduled job "nobody"');
  });
});

test('an interval ticks at multiples of its length', async () => {
  const { url, received } = await startTarget();
  const { advanceTo } = start({
    jobs: () => [],
    intervals: [{ name: 'sweep', everyMs: 5000, url }],
    startAt: '2026-03-01T00:00:01Z',
  });
  advanceTo('2026-03-01T00:00:05Z');
  await until(() => expect(received).toHaveLength(1));
  advanceTo('2026-03-01T00:00:10Z');
  await until(() => expect(received).toHaveLength(2));
  expect(received.map(({ headers }) => headers['x-cloudscheduler-scheduletime'])).toEqual([
    '2026-03-01T00:00:05Z',
    '2026-03-01T00:00:10Z',
  ]);
});

test('close aborts what is outstanding', async () => {
  const { url, received } = await startTarget({ hold: true });
  const { scheduler, advanceTo, results } = start({
    jobs: () => [{ name: 'j', cron: '* * * * *', url }],
    startAt: '2026-03-01T00:00:30Z',
  });
  advanceTo('2026-03-01T00:01:00Z');
  await until(() => expect(received).toHaveLength(1));
  await scheduler.close();
  expect(results).toMatchObject([{ ok: false, status: null }]);
});
