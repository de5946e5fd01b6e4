import { beforeAll, describe, expect, test } from 'vitest';
import type { HoldPoint } from './helpers/hold.ts';
import { killAt } from './helpers/hold.ts';
import { member } from './helpers/json.ts';
import type { Decide, Fate } from './helpers/proxy.ts';
import { ageClaim, fields, jobsOf, putList, readRecord, runInState } from './helpers/runs.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, useWorld } from './helpers/world.ts';
import { describeOnApiServers } from './helpers/api-servers.ts';

describeOnApiServers((onCluster) => {
  let world: World;

  /** Starts a world for the tests of a `describe`, with this limit for one call to Kubernetes or Cloud Storage. */
  const openWorld = (upstreamTimeoutSec: number): void => {
    const env = { UPSTREAM_TIMEOUT_SEC: String(upstreamTimeoutSec), REQUEST_TIMEOUT_SEC: '300' };
    const useIt = useWorld(() => ({ aggregator: 'listing', env, ...onCluster() }));
    beforeAll(async () => {
      world = useIt();
      await putList(world, 'lists/two.txt', [`gs://${BUCKETS.uploads}/a.zip`, `gs://${BUCKETS.uploads}/b.zip`]);
    });
  };

  /** One Job, and a record that says of it what the cluster says. */
  const expectOneTrueRun = async (id: string): Promise<void> => {
    const run = await runInState(world, id, 'complete');
    const jobs = await jobsOf(world, id);
    expect(jobs).toHaveLength(1);
    expect(run['job']).toEqual({
      namespace: world.namespace,
      name: `flea-aggregator-${id}`,
      uid: member(jobs[0], 'metadata', 'uid'),
    });
    const record = await readRecord(world, id);
    expect(record).toMatchObject({ state: 'complete', job: run['job'], list: { updates: 2 } });
    const steps = Array.isArray(record?.['steps']) ? record['steps'].map((step) => member(step, 'step')) : [];
    expect(steps.filter((step) => String(step).endsWith('created'))).toHaveLength(1);
    expect([steps[0], steps.at(-1)]).toEqual(['claimed', 'complete']);
  };

  const WRITES = ['the claim', 'the claim of the output directory', 'the Job', 'the record'] as const;
  const POINTS: readonly (HoldPoint & { readonly words: string })[] = WRITES.flatMap((written, index) =>
    (['before', 'after'] as const).map((when) => ({
      words: `${when} ${written} is written`,
      mark: `killed-${when}-${index + 1}`,
      write: index + 1,
      when,
    })),
  );

  /** Claims without a Job, and where the sweep that takes them up is killed: it marks the claim, makes the Job, records it. */
  const SWEPT: readonly HoldPoint[] = [1, 2, 3, 4].flatMap((write) =>
    (['before', 'after'] as const).map((when) => ({ mark: `taken-up-${when}-${write}`, write, when })),
  );

  describe('a function that is killed', () => {
    // Calls that are held wait for each other, however slow the machine is.
    openWorld(200);

    test('a launch writes four times: the claim, that of the output directory, the Job, the record', async () => {
      const writes: string[] = [];
      const note: Decide = ({ isWrite, method, path }) => {
        if (isWrite) writes.push(`${method} ${path.replace(/\?.*/, '')}`);
        return 'pass';
      };
      for (const proxy of Object.values(world.proxies)) proxy.decide(note);
      await world.call('POST', '/', fields('counted'));
      for (const proxy of Object.values(world.proxies)) proxy.decide();
      const record = `POST /upload/storage/v1/b/${BUCKETS.state}/o`;
      expect(writes).toEqual([record, record, `POST /apis/batch/v1/namespaces/${world.namespace}/jobs`, record]);
    });

    describe('kill -9 of the function process', () => {
      beforeAll(async () => {
        const points = ['again', 'swept'].flatMap((then) =>
          POINTS.map((point) => ({ ...point, mark: `${point.mark}-${then}` })),
        );
        const claims = SWEPT.map(({ mark }): HoldPoint => ({ mark, write: 2, when: 'before' }));
        const all = [...points, ...claims];
        await killAt(world, 'aggregate', all, () => all.map(({ mark }) => world.call('POST', '/', fields(mark))));
      });

      test.each(POINTS)('$words, then the call again: one Job, a true record', async ({ mark, write }) => {
        const id = `${mark}-again`;
        const before = await jobsOf(world, id);
        const reply = await world.call('POST', '/', fields(id));
        const isNew = before.length === 0;
        expect(reply).toMatchObject({ status: isNew ? 201 : 200, body: { outcome: isNew ? 'created' : 'exists' } });
        expect(isNew).toBe(write < 3 || mark === 'killed-before-3');
        await expectOneTrueRun(id);
      });

      test('and then nothing: the sweep leaves a young claim to its caller, and finishes what is older than a minute', async () => {
        const unclaimed = 'killed-before-1-swept';
        const withoutJob = ['after-1', 'before-2', 'after-2', 'before-3'].map((point) => `killed-${point}-swept`);
        for (const id of withoutJob) await ageClaim(world, id, 0);
        await world.call('POST', '/sweep');
        for (const id of withoutJob) {
          expect(await jobsOf(world, id)).toEqual([]);
          expect(await readRecord(world, id)).toMatchObject({ state: 'claimed' });
          await ageClaim(world, id, 61);
        }
        const { status, body } = await world.call('POST', '/sweep');
        expect({ status, body }).toMatchObject({ status: 200, body: { started: 4, failed: 0, complete: true } });
        for (const { mark } of POINTS) if (mark !== 'killed-before-1') await expectOneTrueRun(`${mark}-swept`);
        for (const id of withoutJob) {
          const { steps } = (await readRecord(world, id)) ?? {};
          expect(steps).toEqual(expect.arrayContaining([expect.objectContaining({ step: 'taken up by a sweep' })]));
        }
        expect(await jobsOf(world, unclaimed)).toEqual([]);
        expect(await readRecord(world, unclaimed)).toBeNull();
      });
    });

    test('kill -9 of a sweep between any two of its writes, then another sweep: one Job, a true record', async () => {
      for (const { mark } of SWEPT) await ageClaim(world, mark, 61);
      await killAt(world, 'aggregate', SWEPT, () => [world.call('POST', '/sweep')]);
      for (const { mark } of SWEPT) expect((await jobsOf(world, mark)).length).toBeLessThan(2);
      expect((await world.call('POST', '/sweep')).body).toMatchObject({ complete: true, failed: 0 });
      for (const { mark } of SWEPT) await expectOneTrueRun(mark);
    });

    test('kill -9 of a cancellation between any two of its writes, then a sweep: no Job is left', async () => {
      const points: readonly HoldPoint[] = [1, 2, 3].flatMap((write) =>
        (['before', 'after'] as const).map((when) => ({ mark: `cancelled-${when}-${write}`, write, when })),
      );
      // No node has it: they wait until they are cancelled.
      const nodeSelector = { disk: 'of-glass' };
      for (const { mark } of points) {
        expect((await world.call('POST', '/', fields(mark, { nodeSelector }))).status).toBe(201);
      }
      // The cause is on record before: a cancellation then writes three times, to the record, the Job and the record.
      for (const { mark } of points) {
        await until(async () => {
          await world.call('GET', `/${mark}`);
          expect(await readRecord(world, mark)).toHaveProperty('trouble');
        });
      }
      await killAt(world, 'aggregate', points, () => points.map(({ mark }) => world.call('DELETE', `/${mark}`)));
      await world.call('POST', '/sweep');
      for (const { mark } of points.slice(1)) {
        expect(await jobsOf(world, mark)).toEqual([]);
        expect(await readRecord(world, mark)).toMatchObject({ state: 'cancelled', jobDeletedAt: expect.any(String) });
      }
    });
  });

  describe('answers that are lost', () => {
    // As long as the call that is never answered takes.
    openWorld(2);

    describe('a create of which nobody knows whether it happened ends as one Job', () => {
      const isCreate = (id: string, { isWrite, path, body }: Parameters<Decide>[0]): boolean =>
        isWrite && path.includes('/jobs') && body.includes(id);

      /** The first create of `id` meets `fate`, the others pass. */
      const firstCreate = (id: string, fate: Fate): { readonly creates: () => number } => {
        let creates = 0;
        world.proxies.kubernetes.decide((passing) => {
          if (!isCreate(id, passing)) return 'pass';
          creates += 1;
          return creates === 1 ? fate : 'pass';
        });
        return { creates: () => creates };
      };

      test.each<[string, string, Fate, number]>([
        ['the connection is reset after the API server acted', 'lost-answer', 'lose-answer', 1],
        ['there is no answer until the deadline', 'no-answer', 'withhold-answer', 1],
        ['the connection is reset before the API server acted', 'refused', 'refuse', 2],
        ['the API server answers 500', 'answered-500', { status: 500 }, 2],
        ['the API server answers 429', 'answered-429', { status: 429, headers: { 'retry-after': '0' } }, 2],
      ])('%s', async (_words, id, fate, expected) => {
        const { creates } = firstCreate(id, fate);
        const reply = await world.call('POST', '/', fields(id));
        world.proxies.kubernetes.decide();
        expect(reply).toMatchObject({ status: 201, body: { outcome: 'created' } });
        expect(creates()).toBe(expected);
        await expectOneTrueRun(id);
      });

      test('it arrives late, after the next one', async () => {
        const second = Promise.withResolvers<void>();
        let creates = 0;
        world.proxies.kubernetes.decide(async (passing): Promise<Fate> => {
          if (!isCreate('late-create', passing)) return 'pass';
          creates += 1;
          if (creates === 2) second.resolve();
          if (creates === 1) await second.promise;
          return 'pass';
        });
        const reply = await world.call('POST', '/', fields('late-create'));
        second.resolve();
        world.proxies.kubernetes.decide();
        expect(reply.status).toBe(201);
        await expectOneTrueRun('late-create');
      });

      test('no create is ever answered: the call says so, and the same call later finds the Job', async () => {
        world.proxies.kubernetes.decide((passing) =>
          passing.path.includes('flea-aggregator-unknown') || isCreate('unknown', passing) ? 'lose-answer' : 'pass',
        );
        const reply = await world.call('POST', '/', fields('unknown'));
        expect(reply).toMatchObject({ status: 503, body: { type: 'urn:tensorio-trigger:unavailable' } });
        world.proxies.kubernetes.decide();
        expect(await world.call('POST', '/', fields('unknown'))).toMatchObject({
          status: 200,
          body: { outcome: 'exists' },
        });
        await expectOneTrueRun('unknown');
      });
    });

    test.each<[string, Fate]>([
      ['lose-answer', 'lose-answer'],
      ['refuse', 'refuse'],
      ['503', { status: 503 }],
      ['429', { status: 429 }],
    ])('a write of the bucket that is met with "%s" once is made once', async (name, fate) => {
      const id = `bucket-${name}`;
      const met = new Set<string>();
      world.proxies.storage.decide(({ isWrite, path, body }) => {
        const text = `${decodeURIComponent(path)} ${body}`;
        const key = text.includes('"state": "created"') ? 'record' : 'claim';
        if (!isWrite || !text.includes(id) || met.has(key)) return 'pass';
        met.add(key);
        return fate;
      });
      const reply = await world.call('POST', '/', fields(id));
      world.proxies.storage.decide();
      expect(met).toEqual(new Set(['claim', 'record']));
      expect([200, 201]).toContain(reply.status);
      await expectOneTrueRun(id);
    });
  });
});
