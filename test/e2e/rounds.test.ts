import { readFile } from 'node:fs/promises';
import { unzipSync, zipSync } from 'fflate';
import { beforeAll, expect, test } from 'vitest';
import type { Client } from '../../infra/local/demo/client.ts';
import { readAverage } from '../../infra/local/demo/compare.ts';
import type { Expected } from '../../infra/local/demo/updates.ts';
import { bundleFile, readExpected } from '../../infra/local/demo/updates.ts';
import { readCheckpoint } from '../../src/aggregator/checkpoint.ts';
import { createBundleWriter } from '../../src/aggregator/tensor-bundle-writer.ts';
import { createUploadLog, readManifests, readResult, watchBooks } from './helpers/books.ts';
import { createDemoClient } from './helpers/demo-client.ts';
import { readTask, roundValues, startSweeping, taskWithBooks } from './helpers/rounds.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, useWorld } from './helpers/world.ts';
import { describeOnApiServers } from './helpers/api-servers.ts';

describeOnApiServers((onCluster) => {
  // Rounds of 5 or 6: what is left over of 13 updates starts a round after two seconds.
  const useIt = useWorld(() => ({
    aggregator: 'reference',
    values: roundValues({ minReports: 1, maxReports: 6, roundTimeoutSec: 2 }),
    ...onCluster(),
  }));
  let world: World;
  let client: Client;
  let expected: Expected;
  beforeAll(async () => {
    world = useIt();
    client = createDemoClient(world);
    expected = await readExpected();
    const stop = startSweeping(world);
    return stop;
  });

  const realUpdate = (jobId: string): Promise<Buffer> => readFile(bundleFile(expected.task, jobId));

  /** The bundle of `jobId` as that of `newId`, in which one value of one variable is not a number. */
  const withNaN = async (jobId: string, newId: string): Promise<Uint8Array> => {
    const entries = Object.entries(unzipSync(await realUpdate(jobId)));
    const find = (end: string): Uint8Array => entries.find(([name]) => name.endsWith(end))?.[1] ?? new Uint8Array();
    const variables = await readCheckpoint({
      index: find('.index'),
      shard: async (shard, shards) => find(`.data-0000${shard}-of-0000${shards}`),
    });
    const writer = createBundleWriter(
      [...variables].map(([name, { shape, values }]) => ({
        name,
        // DT_INT64 is the step's; the others are DT_FLOAT.
        dtype: values === null ? 9 : 1,
        shape,
        encode: () => {
          if (values === null) return new Uint8Array(8);
          const floats = Float32Array.from(values);
          if (name === 'dense/bias') floats[3] = Number.NaN;
          return new Uint8Array(floats.buffer);
        },
      })),
    );
    const data = Buffer.concat([...writer.data()]);
    const index = writer.index();
    const changed = ([name, bytes]: [string, Uint8Array]): Uint8Array => {
      if (name.endsWith('.index')) return index;
      return name.includes('.data-') ? data : bytes;
    };
    return zipSync(Object.fromEntries(entries.map((entry) => [entry[0].replace(jobId, newId), changed(entry)])));
  };

  interface Part {
    readonly weight: number;
    readonly average: ReadonlyMap<string, readonly number[]>;
  }

  /** The averages of the rounds taken together, weighted by their samples: the average of all updates. */
  const largestErrorOf = async (taskId: string): Promise<number> => {
    const samples = new Map(expected.jobs.map(({ jobId, numSamples }) => [jobId, numSamples]));
    const manifests = await readManifests(world, taskId);
    const { rounds } = await readTask(world, taskId);
    const done = rounds.filter(({ outcome }) => outcome === 'aggregated');
    const parts = await Promise.all(
      done.map(async ({ round, outputPath }): Promise<Part> => ({
        weight: (manifests[round - 1]?.updates ?? []).reduce(
          (sum, { jobId }) => sum + (samples.get(jobId) ?? Number.NaN),
          0,
        ),
        average: await readAverage(client, BUCKETS.models, outputPath.slice(`gs://${BUCKETS.models}/`.length)),
      })),
    );
    const total = parts.reduce((sum, { weight }) => sum + weight, 0);
    const errors = Object.entries(expected.wcma).flatMap(([name, values]) =>
      values.map((value, index): number => {
        const sum = parts.reduce(
          (all, { weight, average }) => all + weight * (average.get(name)?.[index] ?? Number.NaN),
          0,
        );
        return Math.abs(sum / total - value);
      }),
    );
    return Math.max(...errors);
  };

  const POISONED = '00000000-0000-4000-8000-00000000dead';

  test.concurrent.each([
    ['a corrupt zip', 'corrupt', async (): Promise<string> => 'PK is all that it has of a zip', /zip/i],
    [
      'a value that is no number',
      'nan',
      (): Promise<Uint8Array> => withNaN(expected.jobs[0]?.jobId ?? '', POISONED),
      /variable "dense\/bias"/,
    ],
  ] as const)(
    '12 real updates, out of order, one twice, and one with %s, run in rounds by themselves; a redrive without that one ends the failed round',
    async (_words, taskId, poison, reason) => {
      const log = createUploadLog(world, taskId);
      const books = watchBooks(world, taskId, log, 1);
      const jobIds = [...expected.jobs.map(({ jobId }) => jobId), POISONED];
      const order = jobIds.map((_, index) => jobIds[(index * 5) % jobIds.length] ?? '');
      for (const jobId of order) await log.upload(jobId, jobId === POISONED ? await poison() : await realUpdate(jobId));
      await log.upload(order[7] ?? '', await realUpdate(order[7] ?? ''));

      const settled = await taskWithBooks(world, taskId, { pending: 0, running: 0 });
      const failed = settled.rounds.filter(({ outcome }) => outcome === 'failed');
      expect(failed).toHaveLength(1);
      const [{ round, updates, failures } = { round: 0, updates: 0, failures: [] }] = failed;
      expect(failures).toHaveLength(2);
      for (const failure of failures) {
        expect(failure.reason).toContain(POISONED);
        expect(failure.reason).toMatch(reason);
      }
      expect(await readResult(world, taskId, round)).toMatchObject({ outcome: 'failed', updates });

      const path = `/tasks/${taskId}/rounds/${round}/redrive?without=${POISONED}`;
      expect(await world.call('POST', `${path}&dryRun=true`)).toMatchObject({
        status: 200,
        body: { outcome: 'dry-run' },
      });
      const redriven = await world.call('POST', path);
      expect(redriven).toMatchObject({ status: 201, body: { outcome: 'created', updates: updates - 1 } });
      const { redrivenAs } = redriven.body;
      expect(await world.call('POST', path)).toMatchObject({ status: 200, body: { outcome: 'exists', redrivenAs } });

      const done = await taskWithBooks(world, taskId, { pending: 0, running: 0, aggregated: 12, failed: 1 });
      expect(await books.stop(11)).toBeGreaterThan(10);
      expect(Math.max(...done.rounds.map((each) => each.updates))).toBeLessThanOrEqual(6);
      expect(done.accounting['uploaded']).toBe(13 + (done.accounting['duplicate'] ?? 0));
      expect(await largestErrorOf(taskId)).toBeLessThan(1e-5);
      const aggregated = done.rounds.filter(({ outcome }) => outcome === 'aggregated').map((each) => each.round);
      expect(done.latest).toMatchObject({ round: Math.max(...aggregated) });
    },
  );
});
