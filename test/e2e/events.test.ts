import { beforeAll, describe, expect, test } from 'vitest';
import type { EventRequest, ToldObject } from './helpers/events.ts';
import { binaryEvent, deliver, eventLines, pubSubEvent, structuredEvent } from './helpers/events.ts';
import { member } from './helpers/json.ts';
import { fields, jobsOf, readRecord, runInState } from './helpers/runs.ts';
import { readTask, roundValues, taskWithBooks, updateName, uploadUpdate } from './helpers/rounds.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { BUCKETS, useWorld } from './helpers/world.ts';

// The bucket tells nobody: every event is the test's own.
const useIt = useWorld({
  aggregator: 'listing',
  events: false,
  values: roundValues(
    { reportGoal: 3 },
    {
      lists: [
        {
          object: `gs://${BUCKETS.uploads}/lists/{taskId}/aggregation-checkpoints.txt`,
          outputPath: `gs://${BUCKETS.models}/{taskId}/final-aggregate`,
        },
      ],
    },
  ),
  env: { UPSTREAM_TIMEOUT_SEC: '2' },
});
let world: World;
beforeAll(() => {
  world = useIt();
});

const FORMS = [
  ['binary mode', binaryEvent],
  ['structured mode', structuredEvent],
  ['a Pub/Sub push envelope', pubSubEvent],
] as const;

const putUpdates = async (taskId: string, jobIds: readonly string[]): Promise<ToldObject> => {
  let generation = '';
  for (const jobId of jobIds) generation = await uploadUpdate(world, taskId, jobId);
  return { bucket: BUCKETS.uploads, name: updateName(taskId, jobIds.at(-1) ?? ''), generation, size: '10' };
};

const putListObject = async (taskId: string): Promise<ToldObject> => {
  const name = `lists/${taskId}/aggregation-checkpoints.txt`;
  const bytes = `gs://${BUCKETS.uploads}/a.zip\n`;
  return { bucket: BUCKETS.uploads, name, generation: await world.upload({ bucket: BUCKETS.uploads, name, bytes }) };
};

/** The line that onCheckpoint writes for an event, however many lines its use case writes. */
const lineOf = (from: number): Record<string, unknown> => {
  const lines = eventLines(world, from).filter(({ message }) => String(message).startsWith('event: '));
  expect(lines).toHaveLength(1);
  return lines[0] ?? {};
};

const deliverAndLog = async (event: EventRequest): Promise<{ status: number; line: Record<string, unknown> }> => {
  const from = world.lines.length;
  const status = await deliver(world, event);
  return { status, line: await until(() => lineOf(from)) };
};

/** Names and generations of everything in the state bucket. */
const stateOf = async ({ store }: World): Promise<readonly string[]> => {
  const { objects } = await store.list({ bucket: BUCKETS.state });
  return objects.map(({ name, generation }) => `${name}#${generation}`);
};

describe.each(FORMS)('an event in %s', (form, build) => {
  const taskId = form.replaceAll(/[^a-z]+/gi, '-');

  test('of an update advances its task', async () => {
    const event = build(await putUpdates(taskId, ['a', 'b', 'c']));
    // The first event of an instance has little time; on a busy machine it takes a second delivery.
    await until(async () => {
      const { status, line } = await deliverAndLog(event);
      expect(status).toBeLessThan(300);
      expect(line).toMatchObject({
        severity: 'INFO',
        trigger: 'upload',
        taskId,
        round: 1,
        upstreamCalls: expect.any(Number),
      });
    });
    expect(await readTask(world, taskId)).toMatchObject({ accounting: { uploaded: 3, pending: 0 } });
  });

  test('of a list starts a run, once however often it is delivered, and another for another generation', async () => {
    const first = await putListObject(`list-${taskId}`);
    const replies = [await deliverAndLog(build(first)), await deliverAndLog(build(first))];
    expect(replies).toMatchObject([
      { status: expect.any(Number), line: { outcome: 'created', trigger: 'upload', bucket: first.bucket } },
      { line: { outcome: 'exists' } },
    ]);
    expect(replies.every(({ status }) => status < 300)).toBe(true);
    const id = String(replies[0]?.line['aggregationId']);
    expect(await jobsOf(world, id)).toHaveLength(1);
    expect(await runInState(world, id, 'complete')).toMatchObject({
      trigger: 'upload',
      outputPath: `gs://${BUCKETS.models}/list-${taskId}/final-aggregate`,
    });
    const again = await deliverAndLog(build(await putListObject(`list-${taskId}`)));
    expect(again.line).toMatchObject({ outcome: 'created' });
    expect(again.line['aggregationId']).not.toBe(id);
  });
});

describe('what is not ours is acknowledged with one line', () => {
  const object = (over: Partial<ToldObject>): ToldObject => ({
    bucket: BUCKETS.uploads,
    name: 'x',
    generation: '1',
    ...over,
  });
  const PATTERNLESS = /no pattern of rounds or lists matches/;

  test.each<[string, EventRequest, RegExp]>([
    ['a foreign bucket', binaryEvent(object({ bucket: 'foreign', name: updateName('t', 'j') })), PATTERNLESS],
    ['a name that no pattern matches', binaryEvent(object({ name: 'elsewhere/readme.md' })), PATTERNLESS],
    ['one level too deep', binaryEvent(object({ name: 'tasksJobs/t/sub/j.zip' })), PATTERNLESS],
    ['a deletion', binaryEvent(object({}), 'google.cloud.storage.object.v1.deleted'), /ignored, its type is/],
    [
      'an event of another service',
      binaryEvent(object({}), 'google.cloud.audit.log.v1.written'),
      /ignored, its type is/,
    ],
  ])('%s', async (_words, event, message) => {
    const { status, line } = await deliverAndLog(event);
    expect(status).toBeLessThan(300);
    expect(line).toMatchObject({ severity: 'INFO', message: expect.stringMatching(message) });
  });
});

describe('a forged event writes nothing', () => {
  const LIST_NAME = 'lists/forged/aggregation-checkpoints.txt';
  const object = (over: Partial<ToldObject>): ToldObject => ({
    bucket: BUCKETS.uploads,
    name: updateName('forged', 'nothing'),
    generation: '1700000000000000',
    ...over,
  });

  test.each<[string, ToldObject]>([
    ['of a list that was never uploaded', object({ name: LIST_NAME })],
    ['of an update that was never uploaded', object({})],
    ['whose generation is beyond int64', object({ name: LIST_NAME, generation: '9223372036854775808' })],
    ['whose generation is the largest', object({ name: LIST_NAME, generation: '9223372036854775807' })],
  ])('%s', async (_words, forged) => {
    const before = await stateOf(world);
    const { status } = await deliverAndLog(binaryEvent(forged));
    expect(status).toBeLessThan(300);
    expect(await stateOf(world)).toEqual(before);
  });

  test('of a list whose generation is newer than the newest', async () => {
    const list = await putListObject('newer');
    const before = await stateOf(world);
    const { line } = await deliverAndLog(binaryEvent({ ...list, generation: `9${list.generation}`.slice(0, 19) }));
    expect(line).toMatchObject({ severity: 'INFO', message: expect.stringContaining('no such object') });
    expect(await stateOf(world)).toEqual(before);
  });
});

test.each(['GET', 'PUT', 'OPTIONS', 'DELETE'])('%s is answered 405 with a problem document', async (method) => {
  const response = await fetch(`${world.functions.onCheckpoint.url}/`, { method });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('POST');
  expect(response.headers.get('content-type')).toContain('application/problem+json');
});

describe('what cannot be an event is acknowledged, and told at severity ERROR: a retry could not heal it', () => {
  const json = { 'content-type': 'application/json' };
  const { headers } = binaryEvent({ bucket: BUCKETS.uploads, name: 'x', generation: '1' });

  test.each<[string, EventRequest]>([
    ['an empty request', { headers: json, body: '' }],
    ['text', { headers: { 'content-type': 'text/plain' }, body: 'hello' }],
    ['JSON that ends early', { headers: json, body: '{"message":' }],
    ['a JSON list', { headers: json, body: '[]' }],
    ['neither form', { headers: json, body: '{"hello":"world"}' }],
    ['a binary event without data', { headers, body: '' }],
    ['a binary event whose data is a list', { headers, body: '[]' }],
    ['an object without a generation', { headers, body: JSON.stringify({ bucket: 'b', name: 'n' }) }],
    ['a generation that is none', { headers, body: JSON.stringify({ bucket: 'b', name: 'n', generation: '-1' }) }],
    ['a name that is a number', { headers, body: JSON.stringify({ bucket: 'b', name: {}, generation: '1' }) }],
    ['an encoding that it is not', { headers: { ...headers, 'content-encoding': 'gzip' }, body: '{}' }],
    ['a Pub/Sub message without attributes', { headers: json, body: JSON.stringify({ message: { data: 'e30=' } }) }],
    ['bytes that are not UTF-8', { headers, body: '\u0000\ufffd' }],
    ['depth', { headers, body: '['.repeat(50_000) }],
  ])('%s', async (_words, event) => {
    const { status, line } = await deliverAndLog(event);
    expect(status).toBeLessThan(300);
    expect(line).toMatchObject({
      severity: 'ERROR',
      message: expect.stringMatching(/\(acknowledged\)$/),
      code: 'invalid-request',
    });
  });
});

describe('an odd object name', () => {
  test.each<[string, string]>([
    ['of a task that is no Kubernetes name', 'MNIST_Digits.v1'],
    ['of a task in another script', '数字-задача'],
    ['of a task whose name is too long for a label', `t${'o'.repeat(200)}`],
    ['of a task that looks like a route', 'sweep'],
  ])('%s starts a round whose Job has a valid name', async (_words, taskId) => {
    const { status, line } = await deliverAndLog(binaryEvent(await putUpdates(taskId, ['a', 'b', 'c'])));
    expect({ status: status < 300, line }).toMatchObject({
      status: true,
      line: { severity: 'INFO', taskId, round: 1 },
    });
    const task = await until(async () => {
      await world.call('POST', `/tasks/${encodeURIComponent(taskId)}`);
      const found = await readTask(world, taskId);
      expect(found.accounting).toMatchObject({ uploaded: 3, aggregated: 3 });
      return found;
    });
    expect(task.rounds).toHaveLength(1);
    const [job] = await jobsOf(world, `${taskId}/round-1/attempt-1`);
    expect(member(job, 'metadata', 'name')).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    expect(member(job, 'metadata', 'labels', 'tensorio-trigger/task')).toMatch(
      /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/,
    );
  });

  test.each<[string, string]>([
    ['with ".." as its task', 'tasksJobs/../job.zip'],
    ['with spaces and signs in the task', 'tasksJobs/a task, with (signs) & more!/job.zip'],
    ['with a task that begins with a dash', 'tasksJobs/-dash-/job.zip'],
    ['with a control character', 'tasksJobs/task/jo\u0007b.zip'],
    ['with a tab in the task', 'tasksJobs/ta\tsk/job.zip'],
    ['of 1,024 bytes', `tasksJobs/${'x'.repeat(1024 - 'tasksJobs//j.zip'.length)}/j.zip`],
  ])('%s is acknowledged, told and harms nobody', async (_words, name) => {
    const generation = await world.upload({ bucket: BUCKETS.uploads, name, bytes: 'x' });
    const { status, line } = await deliverAndLog(binaryEvent({ bucket: BUCKETS.uploads, name, generation, size: '1' }));
    expect(status).toBeLessThan(300);
    expect(line['message']).toMatch(/acknowledged/);
    expect((await world.call('POST', '/sweep')).body).toMatchObject({ complete: true, problems: [] });
  });

  test('of 1,024 bytes that is an update’s is one', async () => {
    const taskId = 'long-names';
    const jobId = 'j'.repeat(1024 - updateName(taskId, '').length);
    const { line } = await deliverAndLog(binaryEvent(await putUpdates(taskId, ['a', 'b', jobId])));
    expect(line).toMatchObject({ severity: 'INFO', taskId, round: 1 });
    await world.call('POST', '/sweep');
    await until(async () => {
      await world.call('POST', '/sweep');
      expect(await readTask(world, taskId)).toMatchObject({ accounting: { aggregated: 3 } });
    });
  });
});

test('an empty object is an invalid update: it counts, and goes into no round', async () => {
  const taskId = 'empty-objects';
  await putUpdates(taskId, ['a', 'b', 'c']);
  const generation = await uploadUpdate(world, taskId, 'nothing', '');
  await deliverAndLog(
    binaryEvent({ bucket: BUCKETS.uploads, name: updateName(taskId, 'nothing'), generation, size: '0' }),
  );
  await until(async () => {
    await world.call('POST', `/tasks/${taskId}`);
    expect(await readTask(world, taskId)).toMatchObject({
      accounting: { uploaded: 4, aggregated: 3, invalid: 1, pending: 0 },
    });
  });
});

describe('a fault', () => {
  test('that a retry cannot heal is acknowledged because the run is on record; the sweep finishes it once the Secret is there', async () => {
    await world.removeSecret('sacred');
    const list = await putListObject('no-secret');
    const { status, line } = await deliverAndLog(binaryEvent(list));
    expect(status).toBeLessThan(300);
    expect(line).toMatchObject({ severity: 'ERROR', code: 'missing-secrets' });
    const runs = (await world.call('GET', '/?state=claimed')).body['runs'];
    const id = String(member(Array.isArray(runs) ? runs[0] : undefined, 'aggregationId'));
    expect(await readRecord(world, id)).toMatchObject({ state: 'claimed', why: expect.stringContaining('sacred') });

    const update = await deliverAndLog(binaryEvent(await putUpdates('no-secret', ['a', 'b', 'c'])));
    expect(update).toMatchObject({ status: expect.any(Number), line: { severity: 'ERROR', code: 'missing-secrets' } });
    expect(update.status).toBeLessThan(300);
    expect(await readTask(world, 'no-secret')).toMatchObject({
      accounting: { uploaded: 3, running: 3 },
      decision: { reason: expect.stringContaining('sacred') },
    });

    await world.putSecret('sacred', { 'sacred.json': '{}' });
    await until(async () => {
      await world.call('POST', '/sweep');
      expect(await readTask(world, 'no-secret')).toMatchObject({ accounting: { aggregated: 3 } });
    });
  });

  test('that a retry can heal is not acknowledged, and the next delivery does what the event asks for', async () => {
    const list = await putListObject('no-cluster');
    world.proxies.kubernetes.down();
    const refused = await deliverAndLog(binaryEvent(list));
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect(refused.line).toMatchObject({ severity: 'WARNING', message: expect.stringContaining('delivered again') });
    world.proxies.kubernetes.up();
    world.proxies.storage.down();
    expect((await deliverAndLog(binaryEvent(list))).status).toBeGreaterThanOrEqual(500);
    world.proxies.storage.up();
    const healed = await deliverAndLog(binaryEvent(list));
    expect(healed.status).toBeLessThan(300);
    await runInState(world, String(healed.line['aggregationId']), 'complete');
  });

  test('that keeps the claim of a list from being written is never acknowledged: the list would live in the event alone', async () => {
    const list = await putListObject('no-claim');
    world.proxies.storage.decide(({ isWrite }) => (isWrite ? { status: 403 } : 'pass'));
    const refused = await deliverAndLog(binaryEvent(list));
    world.proxies.storage.decide();
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect(refused.line).toMatchObject({ severity: 'ERROR', code: 'upstream-refused' });
    const healed = await deliverAndLog(binaryEvent(list));
    await runInState(world, String(healed.line['aggregationId']), 'complete');
  });

  test('of a list’s name, with which there can be no output path, is acknowledged', async () => {
    const name = 'lists/../aggregation-checkpoints.txt';
    const generation = await world.upload({ bucket: BUCKETS.uploads, name, bytes: 'x' });
    const { status, line } = await deliverAndLog(binaryEvent({ bucket: BUCKETS.uploads, name, generation }));
    expect(status).toBeLessThan(300);
    expect(line).toMatchObject({ severity: 'ERROR', code: 'invalid-request' });
  });

  test('of the list is acknowledged, and on record', async () => {
    const name = 'lists/faulty/aggregation-checkpoints.txt';
    const generation = await world.upload({ bucket: BUCKETS.uploads, name, bytes: 'not a path\n' });
    const { status, line } = await deliverAndLog(binaryEvent({ bucket: BUCKETS.uploads, name, generation }));
    expect(status).toBeLessThan(300);
    expect(line).toMatchObject({ severity: 'ERROR', message: expect.stringContaining('line 1') });
  });
});

test('a run by HTTP under the id of an uploaded list is a conflict, and the list’s goes on', async () => {
  const { line } = await deliverAndLog(binaryEvent(await putListObject('same-id')));
  const id = String(line['aggregationId']);
  expect(await world.call('POST', '/', fields(id))).toMatchObject({ status: 409 });
  await runInState(world, id, 'complete');
  await taskWithBooks(world, 'binary-mode', { uploaded: 3 });
});
