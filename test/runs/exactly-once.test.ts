import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cluster } from '../../src/cluster/port.ts';
import { DeadlineError } from '../../src/errors.ts';
import { launch } from '../../src/runs/launch.ts';
import { readRun } from '../../src/runs/store.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import type { LaunchWorld } from '../helpers/launch-world.ts';
import { buildRequest, createLaunchWorld, NAMESPACE } from '../helpers/launch-world.ts';

const RUN = { dryRun: false };
const JOB = 'flea-aggregator-a1';

const outcomesOf = async (world: LaunchWorld, calls: number): Promise<string[]> => {
  const outcomes = await Promise.all(Array.from({ length: calls }, () => launch(world.deps, buildRequest(), RUN)));
  return outcomes.map(({ outcome }) => outcome);
};

test('of several calls whose creates all lose their answers, one reports that it created the Job', async () => {
  const { promise: allArrived, resolve: release } = Promise.withResolvers<undefined>();
  let arrived = 0;
  const world = createLaunchWorld({
    cluster: (cluster) => ({
      ...cluster,
      // As under load: the answers of the API server come after the deadlines, when every call has sent its create.
      createJob: async (job, options) => {
        arrived += 1;
        if (arrived === 3) release(undefined);
        await allArrived;
        await cluster.createJob(job, options);
        throw new DeadlineError('create jobs timed out');
      },
    }),
  });
  expect((await outcomesOf(world, 3)).toSorted()).toEqual(['created', 'exists', 'exists']);
  expect(world.cluster.jobs()).toHaveLength(1);
});

test('a call that was held up before its create does not run the aggregation again after its Job is gone', async () => {
  const reached = Promise.withResolvers<undefined>();
  const goOn = Promise.withResolvers<undefined>();
  let creates = 0;
  const world = createLaunchWorld({
    cluster: (cluster) => ({
      ...cluster,
      createJob: async (job, options) => {
        creates += 1;
        if (creates === 1) {
          reached.resolve(undefined);
          await goOn.promise;
        }
        return cluster.createJob(job, options);
      },
    }),
  });
  const heldUp = launch(world.deps, buildRequest(), RUN);
  await reached.promise;
  world.advanceMs(5_000);
  const other = await launch(world.deps, buildRequest(), RUN);
  expect(other.outcome).toBe('created');
  // The Job has ended, and its time to live (0 s) is over.
  await world.cluster.deleteJob(NAMESPACE, JOB);
  goOn.resolve(undefined);
  expect((await heldUp).outcome).toBe('exists');
  expect(world.cluster.jobs()).toEqual([]);
  expect((await readRun(world.deps, 'a1'))?.record.job).toEqual(other.record.job);
});

test('in any order of the steps of equal calls, with lost answers, one call creates one Job', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.infiniteStream(fc.constantFrom('ok', 'ok', 'lost-before', 'lost-after')),
      async (scheduler, fates) => {
        let failures = 0;
        let created = 0;
        let advance: (ms: number) => void = () => {};
        // Each call of a port is a step that the scheduler orders; each takes a second.
        async function step<T>(work: () => Promise<T>): Promise<T> {
          await scheduler.schedule(Promise.resolve(), 'before');
          advance(1_000);
          const result = await work();
          await scheduler.schedule(Promise.resolve(), 'after');
          return result;
        }
        const world = createLaunchWorld({
          store: (store): ObjectStore => ({
            ...store,
            read: (uri, options) => step(() => store.read(uri, options)),
            write: (uri, text, options) => step(() => store.write(uri, text, options)),
          }),
          cluster: (cluster): Cluster => ({
            ...cluster,
            getJob: (namespace, name, options) => step(() => cluster.getJob(namespace, name, options)),
            createJob: (job, options) =>
              step(async () => {
                const fate = failures < 4 ? fates.next().value : 'ok';
                if (fate !== 'ok') failures += 1;
                if (fate === 'lost-before') throw new DeadlineError('create jobs timed out');
                const result = await cluster.createJob(job, options);
                if (result !== 'exists') created += 1;
                if (fate === 'lost-after') throw new DeadlineError('create jobs timed out');
                return result;
              }),
          }),
        });
        advance = (ms) => world.advanceMs(ms);
        const calls = Array.from({ length: 3 }, () => launch(world.deps, buildRequest(), RUN));
        const settled = Promise.allSettled(calls);
        await scheduler.waitFor(settled);
        const outcomes = (await settled).map((call) => (call.status === 'fulfilled' ? call.value.outcome : 'error'));
        expect(created).toBe(world.cluster.jobs().length);
        expect(created).toBeLessThanOrEqual(1);
        expect(outcomes.filter((outcome) => outcome === 'created').length).toBeLessThanOrEqual(1);
        expect(outcomes.some((outcome) => outcome === 'error' || outcome === 'created')).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});
