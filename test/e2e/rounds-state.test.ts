import { beforeAll, describe, expect, test } from 'vitest';
import { ids } from './helpers/at-once.ts';
import { binaryEvent, deliver, eventLines } from './helpers/events.ts';
import { member } from './helpers/json.ts';
import { fields, jobsOf, putList, readRecord, runInState } from './helpers/runs.ts';
import { readTask, roundValues, taskWithBooks, updateName, uploadUpdate } from './helpers/rounds.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, useWorld } from './helpers/world.ts';

const VALUES = { bucket: BUCKETS.state, name: 'config/values.json' };

const useIt = useWorld({ aggregator: 'listing', env: { VALUES_URI: `gs://${VALUES.bucket}/${VALUES.name}` } });
let world: World;
beforeAll(() => {
  world = useIt();
});

const putValues = (values: object | string): Promise<string> =>
  world.upload({ ...VALUES, bytes: typeof values === 'string' ? values : JSON.stringify(values) });

const LISTS = {
  lists: [
    {
      object: `gs://${BUCKETS.uploads}/lists/{taskId}/list.txt`,
      outputPath: `gs://${BUCKETS.models}/{taskId}/final-aggregate`,
    },
  ],
};
const USUAL = roundValues({ reportGoal: 3, minReports: 2, retryBackoffSec: 0 }, LISTS);

const putUpdates = async (taskId: string, count: number, prefix = 'job'): Promise<void> => {
  for (const jobId of ids(prefix, count)) await uploadUpdate(world, taskId, jobId);
};

/** Asks for the task's advance until its books are as expected. */
const advanced = (taskId: string, books: Readonly<Record<string, number>>) =>
  until(async () => {
    await world.call('POST', `/tasks/${taskId}`);
    const task = await readTask(world, taskId);
    expect(task.accounting).toMatchObject(books);
    return task;
  });

const stateUri = (name: string) => ({ bucket: BUCKETS.state, name: `state/${name}` });

/** All that a call could have changed: the objects of the state by generation, and the Jobs. */
const snapshot = async (): Promise<unknown> => {
  const { objects } = await world.store.list({ bucket: BUCKETS.state, prefix: 'state/' });
  const jobs = (await world.jobs()).map((job) => [member(job, 'metadata', 'name'), member(job, 'spec', 'suspend')]);
  return { objects: objects.map(({ name, generation }) => `${name} ${generation}`), jobs };
};

describe('values in the bucket', () => {
  test('that are not there are told by every call, with the command that uploads them; events are delivered again', async () => {
    const reply = await world.call('POST', '/', fields('no-values'));
    expect(reply).toMatchObject({
      status: 502,
      body: { detail: expect.stringContaining('gcloud storage cp values.yaml') },
    });
    await world.upload({
      bucket: BUCKETS.uploads,
      name: 'lists/early/list.txt',
      bytes: `gs://${BUCKETS.uploads}/a.zip\n`,
    });
    await uploadUpdate(world, 'early', 'a');
    await until(() =>
      expect(world.lines.filter(({ text }) => text.includes('delivered again')).length).toBeGreaterThan(2),
    );
    await putValues(USUAL);
    const runs = await until(async () => {
      const { body } = await world.call('GET', '/');
      expect(body['runs']).toMatchObject([{ trigger: 'upload' }]);
      return body['runs'];
    });
    await runInState(world, String(member(Array.isArray(runs) ? runs[0] : {}, 'aggregationId')), 'complete');
    await taskWithBooks(world, 'early', { uploaded: 1, pending: 1 });
  });

  test('are read again when they change: a new goal starts the round that the old one waited for', async () => {
    await putValues(roundValues({ reportGoal: 50 }, LISTS));
    await putUpdates('policy', 4);
    const waits = await advanced('policy', { uploaded: 4, pending: 4 });
    expect(waits.decision).toMatchObject({ kind: 'wait', reason: expect.stringContaining('50') });
    const before = world.functions.aggregate.pid();
    await putValues(USUAL);
    await advanced('policy', { uploaded: 4, aggregated: 3 });
    expect(world.functions.aggregate.pid()).toBe(before);
  });

  test('that are not valid are told with their faults, lose nothing, and stop nothing once they are mended', async () => {
    await putValues({ rounds: [{ uploads: 'gs://x', reportGoal: 0, reportGaol: 1 }] });
    const reply = await world.call('POST', '/tasks/policy');
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.text).toContain('did you mean \\"reportGoal\\"');
    const from = world.lines.length;
    await world.upload({
      bucket: BUCKETS.uploads,
      name: 'lists/later/list.txt',
      bytes: `gs://${BUCKETS.uploads}/a.zip\n`,
    });
    await until(() => expect(eventLines(world, from)).toContainEqual(expect.objectContaining({ severity: 'ERROR' })));
    await putValues(USUAL);
    await until(async () => {
      const { body } = await world.call('GET', '/');
      expect(Array.isArray(body['runs']) ? body['runs'].length : 0).toBe(2);
    });
  });

  test('whose pattern changed are refused for a task that was counted by the old one; other tasks go on', async () => {
    await putValues(
      roundValues({ reportGoal: 3, uploads: `gs://${BUCKETS.uploads}/newer/{taskId}/{jobId}.zip` }, LISTS),
    );
    const refused = await world.call('POST', '/tasks/policy');
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('Restore it') } });
    for (const jobId of ['a', 'b', 'c'])
      await world.upload({ bucket: BUCKETS.uploads, name: `newer/moved/${jobId}.zip`, bytes: jobId });
    await advanced('moved', { aggregated: 3 });
    await putValues(USUAL);
    expect((await world.call('POST', '/tasks/policy')).status).toBe(200);
  });
});

describe('a call with ?dryRun=true tells what would happen and why, and writes nothing:', () => {
  const dry = async (method: string, path: string, body?: unknown) => {
    const before = await snapshot();
    const reply = await world.call(method, path, body);
    expect(await snapshot()).toEqual(before);
    return reply;
  };

  beforeAll(async () => {
    await putUpdates('dry', 2);
    await putUpdates('dry-poison', 3, 'poison');
    await putList(world, 'lists/two.txt', [`gs://${BUCKETS.uploads}/a.zip`]);
    await world.events.drain();
    await advanced('dry-poison', { failed: 3 });
  });

  test('POST /', async () => {
    expect(await dry('POST', '/?dryRun=true', fields('dry'))).toMatchObject({
      status: 200,
      body: { outcome: 'dry-run' },
    });
  });

  test('POST /tasks/<taskId>, with force and without', async () => {
    const waits = await dry('POST', '/tasks/dry?dryRun=true');
    expect(waits.body).toMatchObject({
      dryRun: true,
      decision: { kind: 'wait', reason: expect.stringMatching(/2 .*3/) },
    });
    const forced = await dry('POST', '/tasks/dry?dryRun=true&force=true');
    expect(forced.body).toMatchObject({ dryRun: true, decision: { kind: 'start' } });
  });

  test('POST /tasks/<taskId>/rounds/<n>/redrive', async () => {
    const reply = await dry('POST', '/tasks/dry-poison/rounds/1/redrive?without=poison-00001&dryRun=true');
    expect(reply).toMatchObject({ status: 200, body: { outcome: 'dry-run', updates: 2, redrivenAs: 2 } });
  });

  test('DELETE /tasks/<taskId>/rounds/<n>', async () => {
    await putValues({
      ...USUAL,
      aggregator: { ...(member(USUAL, 'aggregator') as object), nodeSelector: { disk: 'glass' } },
    });
    await putUpdates('dry-open', 3);
    await until(async () =>
      expect(await readTask(world, 'dry-open')).toMatchObject({ openRound: { state: 'pending' } }),
    );
    await world.events.drain();
    const reply = await dry('DELETE', '/tasks/dry-open/rounds/1?dryRun=true');
    expect(reply).toMatchObject({ status: 200, body: { dryRun: true, decision: { kind: 'suspend-job' } } });
  });

  test('POST /sweep', async () => {
    const reply = await dry('POST', '/sweep?dryRun=true');
    expect(reply).toMatchObject({ status: 200, body: { complete: true } });
    expect(reply.body['decisions']).toEqual(
      expect.arrayContaining([expect.objectContaining({ taskId: 'dry', kind: 'wait', reason: expect.any(String) })]),
    );
  });

  test('and afterwards the open round is cancelled: it counts as failed, and runs when it is redriven', async () => {
    const cancelled = await world.call('DELETE', '/tasks/dry-open/rounds/1');
    expect(cancelled.status).toBe(200);
    await putValues(USUAL);
    const task = await advanced('dry-open', { failed: 3, running: 0 });
    expect(task.rounds).toMatchObject([{ round: 1, outcome: 'failed' }]);
    expect((await world.call('POST', '/tasks/dry-open/rounds/1/redrive')).status).toBe(201);
    await advanced('dry-open', { aggregated: 3, failed: 0 });
  });
});

test('?force=true starts a round below its minimum, never one of nothing', async () => {
  await uploadUpdate(world, 'forced', 'only');
  await advanced('forced', { pending: 1 });
  await world.call('POST', '/tasks/forced?force=true');
  await advanced('forced', { aggregated: 1, pending: 0 });
  const nothing = await world.call('POST', '/tasks/forced?force=true');
  expect(nothing).toMatchObject({
    status: 200,
    body: { decision: { kind: 'wait', reason: expect.stringMatching(/[Nn]o/) } },
  });
});

describe('state that cannot be read', () => {
  const damage = async (name: string, change: (text: string) => string): Promise<() => Promise<void>> => {
    const found = await world.store.read(stateUri(name));
    if (found === null || found === 'unchanged') throw new Error(`${name} is not there`);
    await world.upload({ ...stateUri(name), bytes: change(found.text) });
    return async () => {
      await world.upload({ ...stateUri(name), bytes: found.text });
    };
  };

  test.each<[string, string, string, (text: string) => string, RegExp]>([
    [
      'a ledger that is cut off',
      'cut',
      'ledger.json',
      (text) => text.slice(0, -20),
      /is not JSON.*Restore an earlier generation/,
    ],
    [
      'a ledger that is something else',
      'else',
      'ledger.json',
      () => '{"schema":1,"next":"x"}',
      /is corrupt.*Restore an earlier generation/s,
    ],
    [
      'a ledger of a newer schema',
      'newer',
      'ledger.json',
      (text) => text.replace(/"schema":\s*\d+/, '"schema":99'),
      /has schema 99.*Deploy that version/,
    ],
    [
      'a manifest that is corrupt',
      'manifest',
      'rounds/000002/manifest.json',
      () => 'null',
      /manifest\.json has no schema version|is corrupt/,
    ],
  ])(
    'stops its task loudly, says what to do, and the others go on: %s',
    async (_words, taskId, name, change, words) => {
      await putUpdates(taskId, 3);
      await advanced(taskId, { aggregated: 3 });
      if (name.startsWith('rounds/')) await world.upload({ ...stateUri(`tasks/${taskId}/${name}`), bytes: '{}' });
      const mend = await damage(`tasks/${taskId}/${name}`, change);

      for (const [method, path] of [
        ['GET', `/tasks/${taskId}`],
        ['POST', `/tasks/${taskId}`],
      ] as const) {
        const reply = await world.call(method, path);
        expect(reply).toMatchObject({ status: 500, body: { type: 'urn:tensorio-trigger:unreadable-state' } });
        expect(reply.body['detail']).toMatch(words);
      }
      const from = world.lines.length;
      const generation = await uploadUpdate(world, taskId, 'later');
      const object = { bucket: BUCKETS.uploads, name: updateName(taskId, 'later'), generation, size: '5' };
      expect(await deliver(world, binaryEvent(object))).toBeLessThan(300);
      expect(eventLines(world, from)).toContainEqual(
        expect.objectContaining({ severity: 'ERROR', code: 'unreadable-state' }),
      );

      await putUpdates(`beside-${taskId}`, 3);
      const swept = await until(async () => {
        const { status, body } = await world.call('POST', '/sweep');
        expect(status).toBe(200);
        expect(await readTask(world, `beside-${taskId}`)).toMatchObject({ accounting: { aggregated: 3 } });
        return body;
      });
      expect(swept['problems']).toContainEqual({ taskId, message: expect.stringMatching(words) });
      const listed = await world.call('GET', '/tasks?limit=100');
      expect(listed.status).toBe(200);
      expect(listed.text).toContain(`"beside-${taskId}"`);

      if (name.startsWith('rounds/')) return;
      await mend();
      await advanced(taskId, { uploaded: 4, aggregated: 3, pending: 1 });
    },
  );

  test('of a run is told by its calls, and neither a sweep nor the list of runs stops at it', async () => {
    await world.call('POST', '/', fields('damaged'));
    await runInState(world, 'damaged', 'complete');
    const mend = await damage('runs/damaged.json', () => '{"schemaVersion":99}');
    for (const reply of [await world.call('GET', '/damaged'), await world.call('POST', '/', fields('damaged'))]) {
      expect(reply.status).toBe(502);
      expect(reply.body['detail']).toMatch(/runs\/damaged\.json cannot be read.*Restore an earlier generation/);
    }
    expect((await world.call('POST', '/sweep')).status).toBe(200);
    expect((await world.call('GET', '/')).status).toBe(200);
    await mend();
    expect((await world.call('GET', '/damaged')).body).toMatchObject({ state: 'complete' });
    expect(await jobsOf(world, 'damaged')).toHaveLength(1);
    expect(await readRecord(world, 'damaged')).toMatchObject({ state: 'complete' });
  });
});
