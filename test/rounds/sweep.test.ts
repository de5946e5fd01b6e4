import { describe, expect, test } from 'vitest';
import { planBatches, sweep } from '../../src/rounds/sweep.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import { listTasks } from '../../src/rounds/task-status.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import { createRoundsWorld, policyOf } from './rounds-world.ts';

const TASKS = Array.from({ length: 12 }, (_, index) => `t${String(index).padStart(2, '0')}`);

/** `store` with an `onLedgerRead` before every read of a ledger. */
const watching = (store: ObjectStore, onLedgerRead: (taskId: string) => void): ObjectStore => ({
  ...store,
  read: async (uri, options) => {
    const taskId = /tasks\/([^/]+)\/ledger\.json$/.exec(uri.name)?.[1];
    if (taskId !== undefined) onLedgerRead(taskId);
    return store.read(uri, options);
  },
});

describe('sweep', () => {
  test('advances every task with uploads or a ledger, and counts', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a', 'b', 'c');
    world.upload('quiet', 'a');
    expect(await sweep(world.deps)).toEqual({
      tasks: 13,
      started: 12,
      settled: 0,
      failed: 0,
      complete: true,
      problems: [],
    });
    for (const taskId of TASKS) world.complete(`rel-${taskId}-r1-a1`);
    expect(await sweep(world.deps)).toMatchObject({ started: 0, settled: 12, complete: true });
  });

  test('a task that cannot be read is reported, and the others continue', async () => {
    const world = createRoundsWorld();
    for (const taskId of ['bad', 'good']) world.upload(taskId, 'a', 'b', 'c');
    world.store.put({ bucket: 'state', name: 'trigger/tasks/bad/ledger.json' }, '{"schema": 99}');
    expect(await sweep(world.deps)).toMatchObject({
      started: 1,
      complete: true,
      problems: [{ taskId: 'bad', message: expect.stringContaining('has schema 99') }],
    });
    expect((await listTasks(world.deps)).tasks).toMatchObject([
      { taskId: 'bad', problem: expect.anything() },
      { taskId: 'good' },
    ]);
  });

  test('a dry run says what each task needs, and writes nothing', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    expect((await sweep(world.deps, { dryRun: true })).decisions).toMatchObject([{ taskId: 't', kind: 'start' }]);
    expect(world.store.all('state')).toEqual([]);
  });

  test('advances no more tasks at the same time than its concurrency', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a');
    let [underWay, most] = [0, 0];
    const store: ObjectStore = {
      ...world.store,
      list: async (options) => {
        if (options.delimiter !== undefined) return world.store.list(options);
        underWay += 1;
        most = Math.max(most, underWay);
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return world.store.list(options);
      },
    };
    await sweep(world.instance({ store }), { concurrency: 3 });
    expect(most).toBe(3);
  });

  test('out of time, it says so, and the next one goes on from there', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a');
    const controller = new AbortController();
    const seen: string[] = [];
    const look = (taskId: string): void => {
      seen.push(taskId);
      if (seen.length === 4) controller.abort();
    };
    const deps = world.instance({ store: watching(world.store, look) });
    const options = { concurrency: 1, batchSize: 2 };
    expect(await sweep(deps, { ...options, signal: controller.signal })).toMatchObject({ complete: false });
    const first = seen.splice(0);
    expect(first).toEqual(TASKS.slice(0, 4));
    expect(await sweep(deps, options)).toMatchObject({ tasks: 12, complete: true });
    expect(seen.slice(0, 8)).toEqual(TASKS.slice(4));
  });

  test('out of time in the midst of a batch, each time, it meets every task all the same', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a');
    const seen = new Set<string>();
    for (let count = 0; count < 4; count += 1) {
      const controller = new AbortController();
      let looks = 0;
      const deps = world.instance({
        store: watching(world.store, (taskId) => {
          seen.add(taskId);
          looks += 1;
          if (looks === 3) controller.abort();
        }),
      });
      await sweep(deps, { concurrency: 1, batchSize: 5, signal: controller.signal });
    }
    expect([...seen]).toEqual(TASKS);
  });

  test('a task that kills its instance does not starve the others', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a', 'b', 'c');
    const visited = new Set<string>();
    const sweepOnce = async (): Promise<void> => {
      // An instance that is dead sends nothing any more.
      let dead = false;
      const never = new Promise<never>(() => undefined);
      const look = (taskId: string): void => {
        if (taskId === 't05') dead = true;
        else visited.add(taskId);
      };
      const store = watching(world.store, (taskId) => void (dead || look(taskId)));
      const mortal: ObjectStore = {
        ...store,
        read: (uri, options) => (dead ? never : store.read(uri, options).then((found) => (dead ? never : found))),
        write: (uri, text, options) => (dead ? never : store.write(uri, text, options)),
        list: (options) => (dead ? never : store.list(options)),
      };
      const turns = (async () => {
        for (let turn = 0; turn < 400; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      })();
      await Promise.race([sweep(world.instance({ store: mortal }), { concurrency: 4, batchSize: 4 }), turns]);
    };
    for (let round = 0; round < 4; round += 1) await sweepOnce();
    expect([...visited].toSorted()).toEqual(TASKS.filter((taskId) => taskId !== 't05'));
  });

  test('a changed upload pattern is one problem, logged once, however many tasks it has', async () => {
    const world = createRoundsWorld();
    for (const taskId of TASKS) world.upload(taskId, 'a', 'b', 'c');
    await sweep(world.deps);
    world.setPolicies(policyOf({ uploads: parseUploadPattern('gs://uploads/new/{taskId}/{jobId}.zip') }));
    for (let again = 0; again < 2; again += 1) {
      const { tasks, complete, problems } = await sweep(world.deps);
      expect({ tasks, complete }).toEqual({ tasks: TASKS.length, complete: true });
      expect(problems).toEqual([
        { taskId: TASKS[0], message: expect.stringContaining('Restore it; or use new taskIds') },
      ]);
    }
    expect(world.lines.filter(({ severity }) => severity === 'ERROR')).toMatchObject([
      { message: expect.stringContaining(`${TASKS.length} tasks stopped`) },
    ]);
  });

  test('tasks of a batch that did not end are met one by one', () => {
    const plan = planBatches(['a', 'b', 'c', 'd', 'e', 'f'], { after: 'd', begun: ['c', 'd', 'gone'] }, 2);
    expect(plan).toEqual([['c'], ['d'], ['e', 'f'], ['a', 'b']]);
  });
});

describe('the list of tasks', () => {
  test('comes in pages, in the order of their ids', async () => {
    const world = createRoundsWorld();
    world.setPolicies(policyOf({ reportGoal: 9, minReports: 9 }));
    for (const taskId of TASKS) world.upload(taskId, 'a');
    const first = await listTasks(world.deps, { limit: 5 });
    expect(first.tasks.map(({ taskId }) => taskId)).toEqual(TASKS.slice(0, 5));
    expect(first.tasks[0]).toMatchObject({ accounting: { uploaded: 1, pending: 1 }, decision: { kind: 'wait' } });
    const rest = await listTasks(world.deps, { limit: 50, pageToken: first.nextPageToken ?? '' });
    expect(rest.tasks.map(({ taskId }) => taskId)).toEqual(TASKS.slice(5));
    expect(rest.nextPageToken).toBeUndefined();
  });

  test('has the uploads that cannot be used, with the reason', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a');
    world.store.put({ bucket: 'uploads', name: 'tasksJobs/t/empty.zip' }, '');
    world.store.put({ bucket: 'uploads', name: 'tasksJobs/a task/a.zip' }, 'zip');
    const { tasks, unusable } = await listTasks(world.deps);
    expect(tasks).toMatchObject([
      { taskId: 't', unusable: [{ path: 'gs://uploads/tasksJobs/t/empty.zip', reason: 'empty' }] },
    ]);
    expect(unusable).toEqual([
      { path: 'gs://uploads/tasksJobs/a task/', reason: expect.stringContaining('a task id with white space') },
    ]);
  });
});
