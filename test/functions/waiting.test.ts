import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { AggregateDeps } from '../../src/functions/aggregate.ts';
import { createWaits } from '../../src/functions/wait.ts';
import { createClock } from '../helpers/clock.ts';
import { LIST, NAMESPACE } from '../helpers/launch-world.ts';
import { startDeploy } from './deploy-world.ts';
import { startAggregate } from './world.ts';

const FIELDS = {
  repository: 'docai/flea-aggregator',
  tag: '1.0',
  aggregationId: 'a1',
  checkpointsFilePath: LIST,
  outputPath: 'gs://models/out',
  aggregationType: 'cma',
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
};
const JOB = 'flea-aggregator-a1';

/** `aggregate` on a clock that the test moves; `reads` counts the reads of Jobs from the cluster. */
const start = async (over: Partial<AggregateDeps> = {}) => {
  const clock = createClock();
  let reads = 0;
  const world = await startAggregate(
    { waits: createWaits(clock), requestTimeoutMs: 120_000, wait: (ms) => clock.pause(ms), ...over },
    {
      cluster: (cluster) => ({
        ...cluster,
        getJob: async (...call) => {
          reads += 1;
          return cluster.getJob(...call);
        },
      }),
    },
  );
  return { ...world, clock, reads: () => reads };
};

const post = (url: string, search = '', headers: Record<string, string> = {}) =>
  fetch(`${url}/${search}`, { method: 'POST', body: JSON.stringify(FIELDS), headers });

test('GET /<id> answers when the run changes; a hundred waiters share one upstream poll', async () => {
  const { url, cluster, clock, reads } = await start();
  await post(url);
  const etag = (await fetch(`${url}/a1`)).headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[\w-]+"$/);
  const before = reads();
  const query = new URLSearchParams({ wait: '30s', index: etag });
  const waiting = Array.from(
    { length: 100 },
    async () => JSON.parse(await (await fetch(`${url}/a1?${query}`)).text()) as { readonly state: string },
  );
  await expect.poll(() => reads() - before, { timeout: 60_000 }).toBe(100);
  for (let polls = 1; polls <= 3; polls += 1) {
    await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
    await clock.pass(2_000);
    await expect.poll(() => reads() - before, { timeout: 60_000 }).toBe(100 + polls);
  }
  cluster.runPods(NAMESPACE, JOB);
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  await clock.pass(2_000);
  expect(new Set((await Promise.all(waiting)).map(({ state }) => state))).toEqual(new Set(['running']));
  expect(reads() - before).toBe(104);
});

test('GET /<id> answers the present state when the time is up, and acknowledges the preference', async () => {
  const { url, clock } = await start();
  await post(url);
  const etag = (await fetch(`${url}/a1`)).headers.get('etag') ?? '';
  const query = new URLSearchParams({ index: etag });
  const waiting = fetch(`${url}/a1?${query}`, { headers: { prefer: 'wait=3' } });
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  await clock.pass(2_000);
  const answer = await waiting;
  expect(answer.headers.get('etag')).toBe(etag);
  expect(answer.headers.get('preference-applied')).toBe('wait=3');
});

test('POST /?wait= answers the final record', async () => {
  const { url, cluster, clock } = await start();
  const waiting = post(url, '?wait=30s');
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  cluster.completeJob(NAMESPACE, JOB);
  await clock.pass(2_000);
  const answer = await waiting;
  expect(answer.status).toBe(201);
  expect(answer.headers.get('location')).toBe('/a1');
  expect(await answer.json()).toMatchObject({ outcome: 'created', state: 'complete', aggregationId: 'a1' });
});

test('POST /?wait= of a run that is not over in time is 202 with its address', async () => {
  const { url, clock } = await start();
  const waiting = post(url, '', { prefer: 'wait=3' });
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  await clock.pass(2_000);
  const answer = await waiting;
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe('/a1');
  expect(answer.headers.get('preference-applied')).toBe('wait=3');
  expect(await answer.json()).toMatchObject({ outcome: 'created', state: 'pending' });
});

const ROUNDS = {
  aggregator: { repository: 'docai/flea-aggregator', tag: '1.0', aggregationType: 'cma' },
  rounds: [
    {
      uploads: 'gs://models/tasksJobs/{taskId}/{jobId}.zip',
      outputPath: 'gs://models/averages/{taskId}/{round}/{attempt}',
      reportGoal: 2,
    },
  ],
};

test('GET /tasks/<taskId> answers when an update arrives, and not because time passes', async () => {
  const world = await start({ configuredValues: async () => ROUNDS });
  const { url, store, clock } = world;
  store.put({ bucket: 'models', name: 'tasksJobs/t/a.zip' }, 'zip');
  const first = await fetch(`${url}/tasks/t`);
  world.advanceMs(1_000);
  const etag = (await fetch(`${url}/tasks/t`)).headers.get('etag') ?? '';
  expect(etag).toBe(first.headers.get('etag'));
  const waiting = fetch(`${url}/tasks/t?${new URLSearchParams({ wait: '10s', index: etag })}`);
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  store.put({ bucket: 'models', name: 'tasksJobs/t/b.zip' }, 'zip');
  await clock.pass(2_000);
  expect(await (await waiting).json()).toMatchObject({ accounting: { pending: 2 } });
});

test('GET /<release> has an ETag and waits for a change', async () => {
  const clock = createClock();
  const { url } = await startDeploy({ waits: createWaits(clock) });
  const tags = '?set=repository.deployment.tag=ok&set=flea.deployment.tag=ok';
  const body = await readFile(new URL('../../infra/examples/values.basic.yaml', import.meta.url), 'utf8');
  expect((await fetch(`${url}/demo${tags}`, { method: 'POST', body })).status).toBe(201);
  const etag = (await fetch(`${url}/demo`)).headers.get('etag') ?? '';
  const waiting = fetch(`${url}/demo?${new URLSearchParams({ wait: '3s', index: etag })}`);
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  await clock.pass(2_000);
  expect((await waiting).headers.get('etag')).toBe(etag);
});

test.each(['/a1?wait=soon', '/tasks/t?wait=soon', '/a1/logs?follow=perhaps', '/a1/logs?tail=0'])(
  '%s is 400',
  async (path) => {
    const { url } = await start();
    const answer = await fetch(`${url}${path}`);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  },
);

test('GET /<id>/logs prints the last lines as text', async () => {
  const { url, cluster } = await start();
  await post(url);
  cluster.setLog(NAMESPACE, cluster.pods()[0]?.metadata?.name ?? '', 'aggregator', 'one\ntwo\nthree\n');
  const answer = await fetch(`${url}/a1/logs?tail=3`);
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(await answer.text()).toBe('two\nthree\n');
  expect(await (await fetch(`${url}/a1/logs?timestamps=true&after=2026-11-22T02:00:00Z`)).text()).toBe(
    '2026-11-22T02:00:01Z three\n',
  );
});

test('GET /<id>/logs?follow=true sends each line once, and ends with the run', async () => {
  const { url, cluster, clock } = await start();
  await post(url);
  const pod = cluster.pods()[0]?.metadata?.name ?? '';
  cluster.setLog(NAMESPACE, pod, 'aggregator', 'one\n');
  const answer = await fetch(`${url}/a1/logs?follow=true`);
  let received = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) received += decoder.decode(chunk, { stream: true });
  })();
  await expect.poll(() => received, { timeout: 60_000 }).toBe('one\n');
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  // `two` has the time of `one`.
  cluster.setLog(NAMESPACE, pod, 'aggregator', 'one\ntwo\nthree\n');
  await clock.pass(2_000);
  await expect.poll(() => received, { timeout: 60_000 }).toBe('one\ntwo\nthree\n');
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  cluster.setLog(NAMESPACE, pod, 'aggregator', 'one\ntwo\nthree\nlast\n');
  cluster.completeJob(NAMESPACE, JOB);
  await clock.pass(2_000);
  await reading;
  expect(received).toBe('one\ntwo\nthree\nlast\n');
});

test('a client that goes away ends the reads of the log', async () => {
  const { url, cluster, clock, reads } = await start();
  await post(url);
  cluster.setLog(NAMESPACE, cluster.pods()[0]?.metadata?.name ?? '', 'aggregator', 'one\n');
  const leaving = new AbortController();
  const answer = await fetch(`${url}/a1/logs?follow=true`, { signal: leaving.signal });
  await answer.body?.getReader().read();
  await expect.poll(() => clock.sleepers(), { timeout: 60_000 }).toBe(1);
  leaving.abort();
  // A second request is answered after the server has seen the end of the first.
  await expect
    .poll(
      async () => {
        const before = reads();
        await clock.pass(2_000);
        return reads() - before;
      },
      { timeout: 60_000 },
    )
    .toBe(0);
});

test('the log of a run whose pod is gone is 404', async () => {
  const { url, cluster } = await start();
  await post(url);
  cluster.completeJob(NAMESPACE, JOB);
  cluster.removeJob(NAMESPACE, JOB);
  await fetch(`${url}/a1`);
  const answer = await fetch(`${url}/a1/logs`);
  expect(answer.status).toBe(404);
});

test('GET /tasks/<taskId>/rounds/<n>/logs prints the log of its attempt', async () => {
  const { url, store, cluster } = await start({ configuredValues: async () => ROUNDS });
  for (const name of ['a', 'b']) store.put({ bucket: 'models', name: `tasksJobs/t/${name}.zip` }, 'zip');
  await fetch(`${url}/tasks/t`, { method: 'POST' });
  cluster.setLog(NAMESPACE, cluster.pods()[0]?.metadata?.name ?? '', 'aggregator', 'averaging\n');
  expect(await (await fetch(`${url}/tasks/t/rounds/1/logs`)).text()).toBe('averaging\n');
  expect((await fetch(`${url}/tasks/t/rounds/2/logs`)).status).toBe(404);
});
