import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import type { Client } from '../../../infra/local/demo/client.ts';
import { compareAverage, readAverage } from '../../../infra/local/demo/compare.ts';
import type { Expected, Uploaded } from '../../../infra/local/demo/updates.ts';
import { bundleFile, readExpected, uploadUpdates } from '../../../infra/local/demo/updates.ts';
import { createUploadLog, expectEachOnce, watchBooks } from './books.ts';
import { createDemoClient } from './demo-client.ts';
import { member } from './json.ts';
import { roundValues, startSweeping, taskWithBooks, uploadUpdate } from './rounds.ts';
import { fields, jobsOf, runInState } from './runs.ts';
import type { World, WorldOptions } from './world.ts';
import { BUCKETS, SECRET_VALUE, useWorld } from './world.ts';

const TOLERANCE = 1e-5;
/** Of the twelve updates; the demo's fixtures are of one task. */
const GOAL = 12;

/** What the project is for, on whatever API server: a list of real updates becomes their average, and so does a round. */
export const describeMainFlow = (options: () => WorldOptions): void => {
  const useIt = useWorld(() => ({
    aggregator: 'reference',
    values: roundValues({ reportGoal: GOAL }),
    ...options(),
  }));
  let world: World;
  let client: Client;
  let expected: Expected;
  let uploaded: readonly Uploaded[] = [];
  beforeAll(async () => {
    world = useIt();
    client = createDemoClient(world);
    expected = await readExpected();
    uploaded = await uploadUpdates(client, expected);
    return startSweeping(world);
  });

  const request = (id: string, layout: string, aggregationType: string): Record<string, unknown> =>
    fields(id, {
      checkpointsFilePath: uploaded.find((each) => each.layout === layout)?.list ?? '',
      aggregationType,
    });

  test('a missing Secret is told before anything is written, and the same call works once it is there', async () => {
    const serviceAccount = { secret: 'later', key: 'key.json', mountPath: '/etc/sacred' };
    const run = { ...request('mended', 'directories', 'cma'), serviceAccount };
    expect(await world.call('POST', '/', run)).toMatchObject({ status: 424, body: { missing: [{ secret: 'later' }] } });
    await world.putSecret('later', { 'key.json': SECRET_VALUE });
    const { status, body } = await world.call('POST', '/', run);
    expect(status).toBe(201);
    expect(body['job']).toMatchObject({ namespace: world.namespace, name: 'flea-aggregator-mended' });
    expect((await world.call('POST', '/', run)).body).toMatchObject({ outcome: 'exists', job: body['job'] });
    await runInState(world, 'mended', 'complete');
  });

  test.concurrent.each([
    ['cma', 'bundles'],
    ['wcma', 'bundles'],
    ['cma', 'directories'],
    ['wcma', 'directories'],
  ] as const)('the %s of the updates, as %s, is what TensorFlow computed', async (type, layout) => {
    const id = `${layout}-${type}`;
    expect((await world.call('POST', '/', request(id, layout, type))).status).toBe(201);
    const run = await runInState(world, id, 'complete');
    expect(run).toMatchObject({ updates: 12, pods: [{ phase: 'Succeeded', exitCode: 0 }] });
    const comparison = await compareAverage(client, BUCKETS.models, id, expected[type]);
    expect(comparison.length).toBe(Object.keys(expected[type]).length);
    for (const { name, largestError } of comparison)
      expect({ name, isClose: largestError <= TOLERANCE }).toEqual({ name, isClose: true });
    const logs = (await world.call('GET', `/${id}?logs=5`)).body['logs'];
    expect(logs).toContain('Averaged 12 updates');
    expect(await jobsOf(world, id)).toHaveLength(1);
  });

  const realUpdate = (jobId: string): Promise<Buffer> => readFile(bundleFile(expected.task, jobId));

  test('updates that devices upload become a round by themselves, and it their weighted average', async () => {
    for (const { jobId } of expected.jobs) await uploadUpdate(world, expected.task, jobId, await realUpdate(jobId));
    const task = await taskWithBooks(world, expected.task, { uploaded: GOAL, aggregated: GOAL });
    expect(task.rounds).toMatchObject([{ round: 1, outcome: 'aggregated', attempts: 1, updates: GOAL }]);
    const folder = `${expected.task}/round-1/attempt-1`;
    expect(task.latest).toMatchObject({ round: 1, outputPath: `gs://${BUCKETS.models}/${folder}` });
    const average = await readAverage(client, BUCKETS.models, folder);
    for (const [name, values] of Object.entries(expected.wcma)) {
      const errors = values.map((value, index) => Math.abs(value - (average.get(name)?.[index] ?? Number.NaN)));
      expect(Math.max(...errors)).toBeLessThanOrEqual(TOLERANCE);
    }
  });

  test('an update that cannot be read fails its round and is named; a redrive without it ends the round', async () => {
    const log = createUploadLog(world, 'poisoned');
    const books = watchBooks(world, 'poisoned', log);
    for (const { jobId } of expected.jobs.slice(1)) await log.upload(jobId, await realUpdate(jobId));
    await log.upload('bad', 'no zip');
    const failed = await taskWithBooks(world, 'poisoned', { failed: GOAL });
    expect(failed.rounds[0]?.failures.map(({ reason }) => reason).join('\n')).toContain('bad.zip');
    const redriven = await world.call('POST', '/tasks/poisoned/rounds/1/redrive?without=bad');
    expect({ status: redriven.status, as: member(redriven.body, 'redrivenAs') }).toEqual({ status: 201, as: 2 });
    await taskWithBooks(world, 'poisoned', { failed: 1, aggregated: GOAL - 1 });
    expect(await books.stop()).toBeGreaterThan(3);
    await expectEachOnce(world, 'poisoned', log);
  });
};
