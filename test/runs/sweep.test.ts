import { describe, expect, test } from 'vitest';
import { cancelRun } from '../../src/runs/cancel.ts';
import { launch } from '../../src/runs/launch.ts';
import { jobOf } from '../../src/runs/record.ts';
import type { RunRequest } from '../../src/runs/request.ts';
import { listRuns, readRun } from '../../src/runs/store.ts';
import type { Cluster } from '../../src/cluster/port.ts';
import { AppError, UnavailableError, UpstreamError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import type { AggregationSpec } from '../../src/jobs/spec.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import { sweepRuns } from '../../src/runs/sweep.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import { buildRequest, createLaunchWorld, LIST, NAMESPACE } from '../helpers/launch-world.ts';

const DAY_MS = 24 * 3_600_000;

const setUp = (cluster?: (cluster: MemoryCluster) => Cluster) => {
  const world = createLaunchWorld(cluster === undefined ? {} : { cluster });
  const lines: Record<string, unknown>[] = [];
  const deps = { ...world.deps, log: createLog((line) => void lines.push(JSON.parse(line))) };
  const generationOf = (uri: string): string => world.store.peek(parseGsUri(uri))?.info.generation ?? '';
  return {
    ...world,
    lines,
    /** The run of the list as it is now, as an upload of it would request. */
    uploaded: (over: Partial<AggregationSpec> = {}): RunRequest => {
      const listGeneration = generationOf(LIST);
      const spec = { aggregationId: `list-${listGeneration}`, outputPath: 'gs://models/out' };
      return buildRequest({ ...spec, ...over }, { trigger: 'upload', listGeneration });
    },
    upload: (text: string) => void world.store.put(parseGsUri(LIST), text),
    launch: (request: RunRequest) =>
      launch(deps, request, { dryRun: false }).catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        return error;
      }),
    sweep: async () => {
      world.advanceMs(61_000);
      return sweepRuns(deps, await Array.fromAsync(listRuns(deps)), AbortSignal.timeout(10_000));
    },
    recordOf: async (id: string) => (await readRun(deps, id))?.record,
  };
};

describe('the run of an uploaded list', () => {
  test('is of that generation of the list: one that was uploaded again has its own run', async () => {
    const world = setUp();
    world.cluster.removeSecret(NAMESPACE, 'sacred');
    const first = world.uploaded();
    await world.launch(first);
    world.cluster.setSecret(NAMESPACE, 'sacred', ['sacred.json']);
    world.upload('gs://models/u/3\n');
    const second = world.uploaded();
    expect(await world.launch(second)).toMatchObject({ outcome: 'created' });
    expect(await world.sweep()).toMatchObject({ started: 0, complete: true });
    expect(world.cluster.jobs()).toHaveLength(1);
    expect(await world.recordOf(first.spec.aggregationId)).toMatchObject({
      state: 'skipped',
      why: expect.stringMatching(
        /was uploaded again: generation \d+ no longer exists, and generation \d+ has its own run/,
      ),
    });
    // The event of the first list is delivered once more, late.
    expect(await world.launch(first)).toMatchObject({ outcome: 'exists' });
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('fails where the list is faulty, and is not read by every sweep', async () => {
    const world = setUp();
    world.upload('path\ngs://models/u/3\n');
    const request = world.uploaded();
    expect(await world.launch(request)).toMatchObject({ status: 400, message: expect.stringContaining('line 1') });
    const record = await world.recordOf(request.spec.aggregationId);
    expect(record).toMatchObject({ state: 'failed', why: expect.stringContaining('line 1') });
    expect(await world.sweep()).toEqual({ started: 0, settled: 0, failed: 0, complete: true });
    expect(await world.recordOf(request.spec.aggregationId)).toEqual(record);
  });

  test('waits for a missing Secret as long as it takes, without filling its history', async () => {
    const world = setUp();
    // Of another run, at the same place.
    world.store.put({ bucket: 'models', name: 'out/average' }, 'average');
    world.cluster.removeSecret(NAMESPACE, 'sacred');
    const request = world.uploaded({ onOutputExists: 'replace' });
    await world.launch(request);
    for (let day = 0; day < 12; day += 1) {
      world.advanceMs(DAY_MS);
      expect(await world.sweep()).toMatchObject({ started: 0, complete: false });
    }
    const { steps = [] } = (await world.recordOf(request.spec.aggregationId)) ?? {};
    expect(steps.map(({ step }) => step)).toEqual(['claimed', 'taken up by a sweep']);
    expect(world.lines.at(-1)).toMatchObject({ severity: 'ERROR', runTrouble: 'held-up' });
    world.cluster.setSecret(NAMESPACE, 'sacred', ['sacred.json']);
    expect(await world.sweep()).toMatchObject({ started: 1, complete: true });
    expect(await world.recordOf(request.spec.aggregationId)).toMatchObject({ state: 'created' });
  });
});

describe('a run whose Job the API server refused', () => {
  let isRefused = true;
  const refusing = (cluster: MemoryCluster): Cluster => ({
    ...cluster,
    createJob: async (job, options) => {
      if (isRefused) throw new UpstreamError('exceeded quota: count/jobs.batch');
      return cluster.createJob(job, options);
    },
  });

  test.each(['upload', 'schedule'] as const)('is finished by a sweep: %s', async (trigger) => {
    isRefused = true;
    const world = setUp(refusing);
    const request = buildRequest({ aggregationId: 'r' }, { trigger });
    expect(await world.launch(request)).toBeInstanceOf(UpstreamError);
    expect(await world.recordOf('r')).toMatchObject({ state: 'refused' });
    expect(await world.sweep()).toMatchObject({ started: 0, complete: false });
    expect(world.lines.at(-1)).toMatchObject({ runTrouble: 'held-up', message: expect.stringContaining('quota') });
    isRefused = false;
    expect(await world.sweep()).toMatchObject({ started: 1, complete: true });
    expect(await world.recordOf('r')).toMatchObject({ state: 'created' });
  });

  test('ends after a day if a schedule requested it', async () => {
    isRefused = true;
    const world = setUp(refusing);
    await world.launch(buildRequest({ aggregationId: 'r' }, { trigger: 'schedule' }));
    world.advanceMs(DAY_MS);
    expect(await world.sweep()).toMatchObject({ failed: 1 });
    expect(await world.recordOf('r')).toMatchObject({ state: 'failed' });
    expect(world.lines.at(-1)).toMatchObject({ runTrouble: 'failed', message: expect.stringContaining('24 h') });
  });

  test('is left to its caller', async () => {
    isRefused = true;
    const world = setUp(refusing);
    await world.launch(buildRequest({ aggregationId: 'r' }));
    isRefused = false;
    expect(await world.sweep()).toEqual({ started: 0, settled: 0, failed: 0, complete: true });
    expect(world.cluster.jobs()).toEqual([]);
  });
});

test('a claim whose caller got an error ends after an hour, and no longer holds the slot of its schedule', async () => {
  const world = setUp((cluster) => ({
    ...cluster,
    createJob: () => Promise.reject(new UnavailableError('503 from the API server')),
  }));
  const schedule = { name: 'nightly', concurrencyPolicy: 'Forbid' as const };
  await world.launch(buildRequest({ aggregationId: 'forced', schedule: 'nightly' }, { schedule }));
  expect(await world.recordOf('forced')).toMatchObject({ state: 'claimed', why: expect.stringContaining('503') });
  await world.sweep();
  expect(await world.recordOf('forced')).toMatchObject({ state: 'claimed' });
  world.advanceMs(3_600_000);
  expect(await world.sweep()).toMatchObject({ failed: 1 });
  expect(await world.recordOf('forced')).toMatchObject({
    state: 'failed',
    why: expect.stringContaining('could not be started within 1 h'),
  });
  expect(world.lines.at(-1)).toMatchObject({ runTrouble: 'failed', severity: 'ERROR' });
});

test('a schedule that skips because of an old claim without a Job raises an alert', async () => {
  const world = setUp((cluster) => ({
    ...cluster,
    createJob: () => Promise.reject(new UnavailableError('503 from the API server')),
  }));
  const schedule = { name: 'nightly', concurrencyPolicy: 'Forbid' as const };
  await world.launch(buildRequest({ aggregationId: 'forced', schedule: 'nightly' }, { schedule }));
  await world.launch(buildRequest({ aggregationId: 't1' }, { schedule, trigger: 'schedule' }));
  expect(world.lines.filter(({ runTrouble }) => runTrouble !== undefined)).toEqual([]);
  world.advanceMs(20 * 60_000);
  expect(await world.launch(buildRequest({ aggregationId: 't2' }, { schedule, trigger: 'schedule' }))).toMatchObject({
    outcome: 'skipped',
  });
  expect(world.lines.at(-1)).toMatchObject({
    severity: 'ERROR',
    runTrouble: 'held-up',
    schedule: 'nightly',
    message: expect.stringContaining('"forced"'),
  });
});

describe('a cause that waiting does not remove', () => {
  const waitForImage = (world: ReturnType<typeof setUp>, message: string): void => {
    for (const pod of world.cluster.pods()) {
      const status = {
        name: 'aggregator',
        image: 'i',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { waiting: { reason: 'ErrImagePull', message } },
      };
      world.cluster.setPod(Object.assign({}, pod, { status: { phase: 'Pending', containerStatuses: [status] } }));
    }
  };

  test('ends the run after minutes, with an alert, and without its Job', async () => {
    const world = setUp();
    await world.launch(buildRequest());
    waitForImage(world, 'docker.io/docai/flea-aggregator:1.0: not found');
    expect(await world.sweep()).toMatchObject({ failed: 0 });
    expect(await world.recordOf('a1')).toMatchObject({ state: 'created', trouble: { cause: 'image-pull' } });
    world.advanceMs(5 * 60_000);
    expect(await world.sweep()).toMatchObject({ failed: 1 });
    expect(await world.recordOf('a1')).toMatchObject({
      state: 'failed',
      stopped: true,
      why: expect.stringMatching(/not found.*stopped after 5 minutes/),
      jobDeletedAt: expect.any(String),
    });
    expect(world.cluster.jobs()).toEqual([]);
    expect(world.lines.at(-1)).toMatchObject({ runTrouble: 'failed', severity: 'ERROR' });
  });

  test('any other cause is kept, and explains a later end by the deadline', async () => {
    const world = setUp();
    await world.launch(buildRequest());
    waitForImage(world, 'dial tcp: i/o timeout');
    world.advanceMs(DAY_MS / 4);
    await world.sweep();
    const [pod] = world.cluster.pods();
    world.cluster.removePod(NAMESPACE, pod?.metadata?.name ?? '');
    world.cluster.failJob(NAMESPACE, 'flea-aggregator-a1', { reason: 'DeadlineExceeded', message: 'x' });
    await world.sweep();
    expect(await world.recordOf('a1')).toMatchObject({
      state: 'failed',
      why: expect.stringMatching(/cannot be pulled.*i\/o timeout.*Then: It ran longer than activeDeadlineSeconds/),
    });
  });
});

test('a Job that is created after the cancellation, by an instance that is then killed, is gone after the next sweep', async () => {
  const world = setUp((cluster) => ({
    ...cluster,
    createJob: () => Promise.reject(new UnavailableError('the connection was reset')),
  }));
  await world.launch(buildRequest());
  await cancelRun(world.deps, 'a1', 'Cancelled.');
  const record = await world.recordOf('a1');
  if (record === undefined) throw new Error('there is no record');
  await world.cluster.createJob(jobOf(record));
  await world.sweep();
  expect(world.cluster.jobs()).toEqual([]);
  expect(await world.recordOf('a1')).toMatchObject({ state: 'cancelled', jobDeletedAt: expect.any(String) });
});
