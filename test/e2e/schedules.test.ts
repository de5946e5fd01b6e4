import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { formatTick } from '../../src/values/placeholders.ts';
import type { ExecutionResult } from '../../infra/local/scheduler/execute.ts';
import type { Scheduler, SchedulerOptions } from '../../infra/local/scheduler.ts';
import { startScheduler } from '../../infra/local/scheduler.ts';
import { fields, jobsOf, putList, readRecord, runInState } from './helpers/runs.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, SCHEDULER_ACCOUNT, useWorld } from './helpers/world.ts';

const CRON = '*/5 * * * *';
const TICK_MS = 300_000;
const schedule = (name: string, concurrencyPolicy: string): object => ({ name, cron: CRON, concurrencyPolicy });
const { aggregationId: _id, outputPath: _path, ...CONFIGURED } = fields('');

const useIt = useWorld({
  aggregator: 'listing',
  values: {
    aggregator: { ...CONFIGURED, outputPath: `gs://${BUCKETS.models}/{schedule}/{date}/{time}` },
    schedules: [
      schedule('usual', 'Allow'),
      schedule('flaky', 'Allow'),
      schedule('one-at-a-time', 'Forbid'),
      schedule('newest', 'Replace'),
    ],
  },
  env: { UPSTREAM_TIMEOUT_SEC: '2' },
});
let world: World;
beforeAll(async () => {
  world = useIt();
  await putList(world, 'lists/two.txt', [`gs://${BUCKETS.uploads}/a.zip`, `gs://${BUCKETS.uploads}/b.zip`]);
});

afterEach(() => world.proxies.kubernetes.up());

/** No node has it: such a run is active until it is cancelled. */
const ENDLESS = { nodeSelector: { disk: 'of-glass' } };

interface Clock {
  readonly scheduler: Scheduler;
  /** Cloud Scheduler's executions so far. */
  readonly results: readonly ExecutionResult[];
  /** Moves the clock to the next tick; answers the tick. */
  readonly tick: () => string;
}

/** Cloud Scheduler with one job, on a clock that begins two hours ago and moves by ticks only. */
const startClock = (name: string, body: object, over: Partial<SchedulerOptions> = {}): Clock => {
  let now = Math.floor(Date.now() / TICK_MS) * TICK_MS - 24 * TICK_MS + 1000;
  const results: ExecutionResult[] = [];
  const scheduler = startScheduler({
    jobs: () => [
      {
        name,
        cron: CRON,
        url: `${world.functions.aggregate.url}/`,
        body: JSON.stringify(body),
        serviceAccount: SCHEDULER_ACCOUNT,
      },
    ],
    now: () => now,
    pollMs: 10,
    onResult: (result) => void results.push(result),
    ...over,
  });
  onTestFinished(() => scheduler.close());
  const tick = (): string => {
    now += TICK_MS;
    return new Date(Math.floor(now / TICK_MS) * TICK_MS).toISOString();
  };
  return { scheduler, results, tick };
};

const idOf = (name: string, tick: string): string => `${name}-${formatTick(new Date(tick))}`;

test('each tick is a run of its own, named after it, with the tick in its paths', async () => {
  const { results, tick } = startClock('usual', {});
  for (const count of [1, 2]) {
    const at = tick();
    await until(() => expect(results).toHaveLength(count));
    expect(results.at(-1)).toMatchObject({ status: 201, attempts: 1 });
    const run = await runInState(world, idOf('usual', at), 'complete');
    expect(run).toMatchObject({ trigger: 'schedule', schedule: { name: 'usual', tick: at } });
    const [date, time] = formatTick(new Date(at)).split('-');
    expect(run['outputPath']).toBe(`gs://${BUCKETS.models}/usual/${date}/${time}`);
  }
});

test.each(['none', 'next'] as const)(
  'a forced run is a manual one, also where its header names a tick that is to come (%s)',
  async (scheduleTime) => {
    const name = `forced-${scheduleTime}`;
    // Half an hour away: a run that is forced seconds before its tick is that tick's.
    const cron = `${(new Date().getUTCMinutes() + 30) % 60} * * * *`;
    const body = JSON.stringify({ outputPath: `gs://${BUCKETS.models}/${name}` });
    const url = `${world.functions.aggregate.url}/`;
    const { scheduler } = startClock(
      name,
      {},
      { now: Date.now, jobs: () => [{ name, cron, url, body, serviceAccount: SCHEDULER_ACCOUNT }] },
    );
    expect(await scheduler.runNow(name, { scheduleTime })).toMatchObject({ status: 201 });
    const { runs } = (await world.call('GET', '/')).body;
    expect(runs).toContainEqual(
      expect.objectContaining({ aggregationId: expect.stringContaining(`${name}-manual-`), trigger: 'http' }),
    );
  },
);

test('a tick that is met with a fault is sent again by Cloud Scheduler, and is one run', async () => {
  const retry = { retryCount: 20, minBackoffMs: 100, maxBackoffMs: 500 };
  const { results, tick } = startClock('flaky', {}, { retry });
  world.proxies.kubernetes.down();
  const id = idOf('flaky', tick());
  // Claimed: what a schedule asks for is on record before anything can fail.
  await until(async () => expect(await readRecord(world, id)).toMatchObject({ why: expect.any(String) }));
  world.proxies.kubernetes.up();
  await until(() => expect(results).toHaveLength(1));
  expect(results[0]).toMatchObject({ ok: true });
  expect(results[0]?.attempts).toBeGreaterThan(1);
  await runInState(world, id, 'complete');
  expect(await jobsOf(world, id)).toHaveLength(1);
});

test('Forbid: while a run of the schedule is active, a tick and a call by hand are skipped, and say for whom', async () => {
  const { results, tick } = startClock('one-at-a-time', ENDLESS);
  const first = idOf('one-at-a-time', tick());
  await until(() => expect(results).toHaveLength(1));
  const second = idOf('one-at-a-time', tick());
  await until(() => expect(results).toHaveLength(2));
  expect(results).toMatchObject([{ status: 201 }, { status: 200 }]);
  expect((await world.call('GET', `/${second}`)).body).toMatchObject({
    state: 'skipped',
    why: expect.stringContaining(first),
  });

  const byHand = fields('by-hand', { schedule: 'one-at-a-time' });
  const skipped = await world.call('POST', '/', byHand);
  expect(skipped).toMatchObject({
    status: 200,
    body: { outcome: 'skipped', state: 'skipped', why: expect.stringContaining(first) },
  });
  expect(await jobsOf(world, 'by-hand')).toEqual([]);

  expect((await world.call('DELETE', `/${first}`)).body).toMatchObject({ state: 'cancelled' });
  const third = idOf('one-at-a-time', tick());
  await until(() => expect(results).toHaveLength(3));
  expect(await jobsOf(world, third)).toHaveLength(1);
  await world.call('DELETE', `/${third}`);
});

test('Forbid: of ten runs of a schedule at once, by different triggers, one is created', async () => {
  const calls = Array.from({ length: 10 }, (_, index) =>
    world.call('POST', '/', fields(`at-once-${index}`, { schedule: 'one-at-a-time', ...ENDLESS })),
  );
  const replies = await Promise.all(calls);
  const outcomes = replies.map(({ status, body }) => `${status} ${String(body['outcome'] ?? body['title'])}`);
  expect(outcomes.filter((outcome) => outcome === '201 created')).toHaveLength(1);
  // Who loses the slot too often is told so, and asks again.
  for (const outcome of outcomes) expect(outcome).toMatch(/^(201 created|200 skipped|503 State changed)/);
  const jobs = await Promise.all(calls.map((_, index) => jobsOf(world, `at-once-${index}`)));
  expect(jobs.flat()).toHaveLength(1);
});

test('Replace: a tick ends the run that is active and takes its place; so does a call by hand', async () => {
  const { results, tick } = startClock('newest', ENDLESS);
  const first = idOf('newest', tick());
  await until(() => expect(results).toHaveLength(1));
  const second = idOf('newest', tick());
  await until(() => expect(results).toHaveLength(2));
  expect(results).toMatchObject([{ status: 201 }, { status: 201 }]);
  expect(await readRecord(world, first)).toMatchObject({ state: 'cancelled', why: expect.stringContaining(second) });
  expect(await jobsOf(world, first)).toEqual([]);
  expect(await jobsOf(world, second)).toHaveLength(1);

  expect((await world.call('POST', '/', fields('in-its-place', { schedule: 'newest' }))).status).toBe(201);
  expect(await readRecord(world, second)).toMatchObject({
    state: 'cancelled',
    why: expect.stringContaining('in-its-place'),
  });
  await runInState(world, 'in-its-place', 'complete');
});
