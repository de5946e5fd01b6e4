import { existsSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { fields, jobsOf, putList, readRecord, runInState } from './helpers/runs.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, SECRET_VALUE, useWorld } from './helpers/world.ts';
import { describeOnApiServers } from './helpers/api-servers.ts';

describeOnApiServers((onCluster) => {
  // A small young generation: what is garbage at once is collected at once, so that memory tells what is held.
  const useIt = useWorld(() => ({
    aggregator: 'listing',
    env: { NODE_OPTIONS: '--max-semi-space-size=2' },
    ...onCluster(),
  }));
  let world: World;
  beforeAll(async () => {
    world = useIt();
    await putList(world, 'lists/two.txt', [`gs://${BUCKETS.uploads}/a.zip`, `gs://${BUCKETS.uploads}/b.zip`]);
  });

  const PROBLEM = 'application/problem+json';

  test('50 identical POSTs at once create one Job, and each says which run it is', async () => {
    const replies = await Promise.all(Array.from({ length: 50 }, () => world.call('POST', '/', fields('fifty'))));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(49);
    expect(new Set(replies.map(({ body }) => body['outcome']))).toEqual(new Set(['created', 'exists']));
    expect(new Set(replies.map(({ body }) => JSON.stringify(body['job']))).size).toBe(1);
    expect(await jobsOf(world, 'fifty')).toHaveLength(1);
    const { steps } = await runInState(world, 'fifty', 'complete');
    expect(steps).toMatchObject([
      { step: 'claimed' },
      { step: `Job ${world.namespace}/flea-aggregator-fifty created` },
      { step: 'complete' },
    ]);
  });

  test('a run that is over is still "exists" once its Job is gone', async () => {
    await world.call('POST', '/', fields('over'));
    await runInState(world, 'over', 'complete');
    await world.api.send(
      'DELETE',
      `/apis/batch/v1/namespaces/${world.namespace}/jobs/flea-aggregator-over?propagationPolicy=Background`,
    );
    const again = await world.call('POST', '/', fields('over'));
    expect(again).toMatchObject({ status: 200, body: { outcome: 'exists', state: 'complete' } });
    expect(await jobsOf(world, 'over')).toEqual([]);
  });

  describe('a request that cannot be carried out', () => {
    const list = (name: string): object => ({ checkpointsFilePath: `gs://${BUCKETS.uploads}/lists/${name}` });
    const sacred = (secret: string, key: string): object => ({
      serviceAccount: { secret, key, mountPath: '/etc/sacred' },
    });

    beforeAll(async () => {
      await putList(world, 'lists/empty.txt', []);
      await putList(world, 'lists/bad.txt', [`gs://${BUCKETS.uploads}/a.zip`, 'not a path']);
      await putList(world, 'lists/elsewhere.txt', ['gs://another-bucket/a.zip']);
    });

    test.each<[string, object, number, RegExp]>([
      ['a missing list', list('none.txt'), 400, /none\.txt does not exist; upload the list first/],
      ['an empty list', list('empty.txt'), 400, /empty\.txt .*(empty|no update)/],
      ['a bad line', list('bad.txt'), 400, /bad\.txt, line 2: "not a path" is .*; write gs:\/\/BUCKET\/NAME/],
      ['a bucket that is not allowed', list('elsewhere.txt'), 400, /line 1: bucket "another-bucket" is not allowed/],
      [
        'a list in a bucket that is not allowed',
        { checkpointsFilePath: 'gs://another-bucket/list.txt' },
        403,
        /bucket "another-bucket" is not allowed by ALLOWED_BUCKETS; allowed: tensorio-/,
      ],
      ['an unknown field', { repositry: 'x' }, 400, /did you mean "repository"/],
      ['an image that is not allowed', { repository: 'example.com/miner' }, 403, /ALLOWED_IMAGES/],
      ['a missing Secret', sacred('absent', 'k'), 424, /Secret \S+\/absent does not exist/],
      ['a missing key', sacred('sacred', 'absent.json'), 424, /absent\.json/],
    ])('is refused for %s, before anything is written', async (_name, over, status, words) => {
      const reply = await world.call('POST', '/', fields('refused', over));
      expect(reply.body['detail']).toMatch(words);
      expect(reply).toMatchObject({ status, body: { status, title: expect.any(String), detail: expect.any(String) } });
      expect(reply.type).toContain(PROBLEM);
      expect(reply.text).not.toContain(SECRET_VALUE);
      expect(await readRecord(world, 'refused')).toBeNull();
      expect(await jobsOf(world, 'refused')).toEqual([]);
    });

    test('is told all Secrets and keys that are missing at once, each with the command that makes it', async () => {
      const checkSecrets = [{ name: 'more', keys: [{ key: 'one' }, { key: 'two' }] }];
      const { status, body } = await world.call('POST', '/', {
        aggregator: fields('refused', sacred('absent', 'k')),
        checkSecrets,
      });
      expect(status).toBe(424);
      expect(body['missing']).toMatchObject([
        {
          namespace: world.namespace,
          secret: 'absent',
          command: expect.stringMatching(/^kubectl create secret generic absent .*--from-(file|literal)=k=/),
        },
        {
          namespace: world.namespace,
          secret: 'more',
          command: expect.stringMatching(/^kubectl create secret generic more /),
        },
      ]);
    });

    test('under the id of another specification is 409 with the fields that differ, and the first goes on', async () => {
      expect((await world.call('POST', '/', fields('taken'))).status).toBe(201);
      const reply = await world.call('POST', '/', fields('taken', { tag: '2.0' }));
      expect(reply).toMatchObject({
        status: 409,
        body: {
          conflicts: [{ field: 'tag', claimed: '1.0', requested: '2.0' }],
          detail: expect.stringContaining('tag'),
        },
      });
      await runInState(world, 'taken', 'complete');
    });

    test('works once the Secret is there, by the same call', async () => {
      expect((await world.call('POST', '/', fields('mended', sacred('late', 'k')))).status).toBe(424);
      await world.putSecret('late', { k: SECRET_VALUE });
      expect((await world.call('POST', '/', fields('mended', sacred('late', 'k')))).status).toBe(201);
      await runInState(world, 'mended', 'complete');
    });
  });

  test('?dryRun=true answers the Job as the API server would store it, and leaves no trace', async () => {
    const { status, body } = await world.call('POST', '/?dryRun=true', fields('dry'));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      outcome: 'dry-run',
      updates: 2,
      manifest: { kind: 'Job', metadata: { name: 'flea-aggregator-dry', uid: expect.any(String) } },
    });
    expect(await readRecord(world, 'dry')).toBeNull();
    expect(await jobsOf(world, 'dry')).toEqual([]);
  });

  test('a run is cancelled with its Job and its pods, and stays so', async () => {
    await world.call('POST', '/', fields('stopped', { backoffLimit: 0, activeDeadlineSeconds: 60 }));
    expect(await world.call('DELETE', '/stopped')).toMatchObject({ status: 200 });
    expect(await jobsOf(world, 'stopped')).toEqual([]);
    expect(await world.call('POST', '/', fields('stopped'))).toMatchObject({ status: 409 });
  });

  test('GET / lists the runs, newest first, by page and by state', async () => {
    for (const id of ['page-1', 'page-2', 'page-3']) await world.call('POST', '/', fields(id));
    const first = (await world.call('GET', '/?limit=2')).body;
    expect(first['runs']).toMatchObject([{ aggregationId: 'page-3' }, { aggregationId: 'page-2' }]);
    const second = (await world.call('GET', `/?limit=1&pageToken=${String(first['nextPageToken'])}`)).body;
    expect(second['runs']).toMatchObject([{ aggregationId: 'page-1' }]);
    await runInState(world, 'page-1', 'complete');
    const complete = (await world.call('GET', '/?state=complete&limit=1000')).body;
    expect(JSON.stringify(complete['runs'])).toContain('page-1');
  });

  /** The most memory that a process ever had, in KiB; 0 where the system does not tell. */
  const peakKiB = (pid: number | undefined): number => {
    const file = `/proc/${pid}/status`;
    return existsSync(file) ? Number(/VmHWM:\s+([0-9]+) kB/.exec(readFileSync(file, 'utf8'))?.[1]) : 0;
  };

  describe('a list of 100,000 lines', () => {
    const line = (index: number): string => `gs://${BUCKETS.uploads}/tasksJobs/large/${'f'.repeat(150)}-${index}.zip`;
    const lines = Array.from({ length: 100_000 }, (_, index) => line(index));

    test('is taken, and read in less memory than it is long', async () => {
      const checkpointsFilePath = await putList(world, 'lists/large.txt', lines);
      const pid = world.functions.aggregate.pid();
      const before = peakKiB(pid);
      const reply = await world.call('POST', '/', fields('large', { checkpointsFilePath }));
      expect(reply).toMatchObject({ status: 201, body: { updates: 100_000 } });
      // 20 MB of text; held as a whole, as bytes and as lines, it is 70 MB.
      expect(peakKiB(pid) - before).toBeLessThan(40 * 1024);
      await runInState(world, 'large', 'complete');
    });

    test('is refused for its last line, by its number', async () => {
      const checkpointsFilePath = await putList(world, 'lists/faulty.txt', [...lines, 'gs://another-bucket/x']);
      const refused = await world.call('POST', '/', fields('faulty', { checkpointsFilePath }));
      expect(refused).toMatchObject({ status: 400, body: { line: 100_001 } });
    });
  });

  test('every call is one line of JSON, and no Secret value is in any of them', () => {
    const calls = world.lines.map(({ text }): Record<string, unknown> => JSON.parse(text));
    expect(calls.length).toBeGreaterThan(80);
    for (const call of calls) {
      expect(call).toMatchObject({ severity: expect.any(String), message: expect.any(String) });
    }
    const posts = calls.filter(({ path, method }) => path === '/' && method === 'POST');
    expect(posts.filter(({ aggregationId }) => aggregationId === 'fifty')).toHaveLength(50);
    expect(posts[0]).toMatchObject({ durationMs: expect.any(Number), upstreamCalls: expect.any(Number) });
    expect(world.lines.map(({ text }) => text).join('\n')).not.toContain(SECRET_VALUE);
  });
});
