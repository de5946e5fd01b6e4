import { describe, expect, test } from 'vitest';
import { cancelRun } from '../../src/runs/cancel.ts';
import { launch } from '../../src/runs/launch.ts';
import { buildRunRequest } from '../../src/runs/request.ts';
import { listRuns, readRun } from '../../src/runs/store.ts';
import { sweepRuns } from '../../src/runs/sweep.ts';
import { AppError, ConflictError, ForbiddenError } from '../../src/errors.ts';
import type { AggregationSpec } from '../../src/jobs/spec.ts';
import { createLog } from '../../src/log.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { buildRequest, createLaunchWorld, LIST, NAMESPACE } from '../helpers/launch-world.ts';

const RUN = { dryRun: false };
const OUT = 'gs://models/shared';

const setUp = () => {
  const world = createLaunchWorld();
  const lines: Record<string, unknown>[] = [];
  const deps = { ...world.deps, log: createLog((line) => void lines.push(JSON.parse(line))) };
  const start = (id: string, trigger: 'http' | 'upload' | 'schedule', over: Partial<AggregationSpec> = {}) =>
    launch(deps, buildRequest({ aggregationId: id, outputPath: OUT, ...over }, { trigger }), RUN).catch(
      (error: unknown) => {
        if (!(error instanceof AppError)) throw error;
        return error;
      },
    );
  return {
    ...world,
    deps,
    lines,
    start,
    /** The Job of the run completes, with output. */
    complete: (id: string) => {
      world.store.put(parseGsUri(`${OUT}/checkpoint-0.index`), id);
      world.cluster.completeJob(NAMESPACE, `flea-aggregator-${id}`);
    },
    sweep: async () => {
      world.advanceMs(61_000);
      return sweepRuns(deps, await Array.fromAsync(listRuns(deps)), AbortSignal.timeout(10_000));
    },
    recordOf: async (id: string) => (await readRun(deps, id))?.record,
  };
};

describe('two runs with one output directory', () => {
  test('a second list within seconds waits for the first, and does not overwrite its output', async () => {
    const world = setUp();
    expect(await world.start('l1', 'upload')).toMatchObject({ outcome: 'created' });
    expect(await world.start('l2', 'upload')).toMatchObject({
      outcome: 'waiting',
      record: { state: 'claimed', why: expect.stringContaining('run "l1", which is not over') },
    });
    expect(await world.sweep()).toMatchObject({ started: 0, failed: 0, complete: true });
    expect(world.cluster.jobs()).toHaveLength(1);
    world.complete('l1');
    await world.sweep();
    expect(await world.sweep()).toMatchObject({ started: 0, complete: true });
    expect(await world.recordOf('l2')).toMatchObject({
      state: 'failed',
      why: expect.stringContaining('contains the output of run "l1"'),
    });
    expect(world.lines.filter(({ runTrouble }) => runTrouble === 'failed')).toHaveLength(1);
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('with onOutputExists replace the second starts when the first is over', async () => {
    const world = setUp();
    await world.start('l1', 'upload', { onOutputExists: 'replace' });
    expect(await world.start('l2', 'upload', { onOutputExists: 'replace' })).toMatchObject({ outcome: 'waiting' });
    world.complete('l1');
    await world.sweep();
    await world.sweep();
    expect(await world.recordOf('l2')).toMatchObject({ state: 'created' });
    expect(world.cluster.jobs()).toHaveLength(2);
  });

  test('a caller is refused with the name of the first, and nothing is written', async () => {
    const world = setUp();
    await world.start('a', 'http');
    const error = await world.start('b', 'http');
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ message: expect.stringContaining('run "a"'), details: { heldBy: 'a' } });
    expect(await world.recordOf('b')).toBeUndefined();
    expect(await world.start('b', 'http', { outputPath: `${OUT}/` })).toBeInstanceOf(ConflictError);
  });

  test('of two at once one gets the directory; the id of the other can be used again', async () => {
    const world = setUp();
    const both = await Promise.all([world.start('a', 'http'), world.start('b', 'http')]);
    expect(world.cluster.jobs()).toHaveLength(1);
    expect(both.filter((one) => one instanceof ConflictError)).toHaveLength(1);
    const [winner, loser] = both[0] instanceof ConflictError ? ['b', 'a'] : ['a', 'b'];
    await cancelRun(world.deps, winner, 'Cancelled.');
    expect(await world.start(loser, 'http')).toMatchObject({ outcome: 'created' });
    expect(world.cluster.jobs().map(({ metadata }) => metadata?.name)).toEqual([`flea-aggregator-${loser}`]);
  });
});

describe('a finished run’s output', () => {
  test.each(['refuse', undefined] as const)('is refused to another id (onOutputExists %s)', async (onOutputExists) => {
    const world = setUp();
    await world.start('a', 'http');
    world.complete('a');
    const error = await world.start('b', 'http', onOutputExists === undefined ? {} : { onOutputExists });
    expect(error).toMatchObject({ status: 409, message: expect.stringContaining('the output of run "a"') });
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('is replaced on request', async () => {
    const world = setUp();
    await world.start('a', 'http');
    world.complete('a');
    expect(await world.start('b', 'http', { onOutputExists: 'replace' })).toMatchObject({ outcome: 'created' });
  });

  test('of unknown origin is refused as well', async () => {
    const world = setUp();
    world.store.put(parseGsUri(`${OUT}/model`), 'x');
    expect(await world.start('b', 'schedule')).toMatchObject({
      status: 409,
      message: expect.stringContaining('contains objects'),
    });
    expect(await world.recordOf('b')).toMatchObject({ state: 'failed' });
    expect(world.lines).toContainEqual(expect.objectContaining({ runTrouble: 'failed', aggregationId: 'b' }));
  });

  test('the same call again is answered by its record', async () => {
    const world = setUp();
    await world.start('a', 'http');
    world.complete('a');
    expect(await world.start('a', 'http')).toMatchObject({ outcome: 'exists' });
  });

  test('a directory is free again after a run that failed without output', async () => {
    const world = setUp();
    await world.start('a', 'http');
    world.cluster.failJob(NAMESPACE, 'flea-aggregator-a');
    expect(await world.start('a', 'http')).toMatchObject({ outcome: 'exists' });
    expect(await world.start('b', 'http')).toMatchObject({ outcome: 'created' });
  });
});

describe('an output path', () => {
  const request = (outputPath: string, rest: object = {}) =>
    buildRunRequest(
      parseValues({
        aggregator: {
          repository: 'docai/flea-aggregator',
          tag: '1',
          aggregationId: 'a',
          checkpointsFilePath: LIST,
          outputPath,
          aggregationType: 'cma',
        },
        ...rest,
      }),
      { now: new Date(0), defaults: { namespace: NAMESPACE, releaseName: 'r' } },
    );
  const uploads = 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip';
  const rounds = [{ uploads, reportGoal: 2, outputPath: 'gs://models/{taskId}/{round}/{attempt}' }];

  test.each(['gs://uploads/tasksJobs', 'gs://uploads/tasksJobs/task-1'])('is not among the uploads: %s', (path) => {
    expect(() => request(path, { rounds })).toThrow(
      expect.objectContaining({ issues: [expect.objectContaining({ path: 'aggregator.outputPath' })] }),
    );
    expect(() => request(path)).not.toThrow();
  });

  test.each(['gs://state/x', 'gs://state/runs'])('is not in the state: %s', async (outputPath) => {
    const world = setUp();
    const deps = { ...world.deps, allowed: { ...world.deps.allowed, buckets: ['models', 'state'] } };
    const error = await launch(deps, buildRequest({ outputPath }), RUN).catch((each: unknown) => each);
    expect(error).toBeInstanceOf(ForbiddenError);
    expect(error).toMatchObject({ details: { issues: [{ path: 'aggregator.outputPath' }] } });
  });
});
