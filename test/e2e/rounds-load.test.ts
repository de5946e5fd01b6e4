import { beforeAll, expect, test } from 'vitest';
import { atOnce, ids } from './helpers/at-once.ts';
import { createUploadLog, expectEachOnce, expectOutputsMatch, readManifests, watchBooks } from './helpers/books.ts';
import { member } from './helpers/json.ts';
import { readTask, roundValues, startSweeping, taskWithBooks } from './helpers/rounds.ts';
import { sized } from './helpers/size.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { useWorld } from './helpers/world.ts';

const UPLOADS = sized(60, 200, 1000);
const TASKS = sized(4, 16, 100);
const GOAL = 40;

// What does not fill a round starts one after two seconds.
const useIt = useWorld({
  aggregator: 'listing',
  values: roundValues({ reportGoal: GOAL, minReports: 1, maxReports: 60, roundTimeoutSec: 2 }),
});
let world: World;
beforeAll(() => {
  world = useIt();
  return startSweeping(world);
});

/** Every task, by pages of 30. */
const listTaskIds = async (): Promise<readonly unknown[]> => {
  const found: unknown[] = [];
  for (let query = ''; ;) {
    const { body } = await world.call('GET', `/tasks?limit=30${query}`);
    found.push(...(Array.isArray(body['tasks']) ? body['tasks'].map((task) => member(task, 'taskId')) : []));
    const { nextPageToken } = body;
    if (typeof nextPageToken !== 'string') return found;
    query = `&pageToken=${encodeURIComponent(nextPageToken)}`;
  }
};

test(`${UPLOADS} uploads at once for one task: each update is in one round, each round’s output is of its updates, the books are right at every read`, async () => {
  const log = createUploadLog(world, 'crowd');
  const books = watchBooks(world, 'crowd', log);
  await atOnce(80, ids('job', UPLOADS), (jobId) => log.upload(jobId));
  const task = await taskWithBooks(world, 'crowd', { uploaded: UPLOADS, aggregated: UPLOADS, pending: 0, running: 0 });
  expect(await books.stop(3)).toBeGreaterThan(2);
  expect(task.rounds.every(({ outcome, updates }) => outcome === 'aggregated' && updates <= 60)).toBe(true);
  await expectEachOnce(world, 'crowd', log);
  await expectOutputsMatch(world, 'crowd');
  await world.events.drain();
});

test(`${TASKS} tasks at once: each has its round, and its Job has run once`, async () => {
  const tasks = ids('task', TASKS);
  const logs = tasks.map((taskId) => createUploadLog(world, taskId));
  const uploads = logs.flatMap((log) => ids('job', 5).map((jobId) => ({ log, jobId })));
  await atOnce(80, uploads, ({ log, jobId }) => log.upload(jobId));
  for (const [index, taskId] of tasks.entries()) {
    await taskWithBooks(world, taskId, { uploaded: 5, aggregated: 5 });
    const log = logs[index];
    if (log !== undefined) await expectEachOnce(world, taskId, log);
    await expectOutputsMatch(world, taskId);
  }
  const jobs = (await world.jobs()).map((job) => member(job, 'metadata', 'labels', 'tensorio-trigger/task'));
  const expected = await Promise.all(tasks.map(async (taskId) => (await readManifests(world, taskId)).length));
  expect(tasks.map((taskId) => jobs.filter((label) => label === taskId).length)).toEqual(expected);
  expect(await listTaskIds()).toEqual(expect.arrayContaining([...tasks]));
});

test('an update that is uploaded again before its round replaces, and after it is a duplicate that is not aggregated again', async () => {
  const log = createUploadLog(world, 'twice');
  await atOnce(1, ['once', 'again', 'again'], (jobId) => log.upload(jobId));
  await until(async () => expect(await readTask(world, 'twice')).toMatchObject({ accounting: { aggregated: 2 } }));
  await expectEachOnce(world, 'twice', log);
  await log.upload('again', 'once more, too late');
  await log.upload('next');
  const { accounting } = await taskWithBooks(world, 'twice', { aggregated: 3, duplicate: 1, pending: 0 });
  expect(accounting['uploaded']).toBe(4);
});
