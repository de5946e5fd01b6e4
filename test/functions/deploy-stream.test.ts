import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { startDeploy } from './deploy-world.ts';
import type { DeployWorld } from './deploy-world.ts';

const basic = readFileSync(new URL('../../infra/examples/values.basic.yaml', import.meta.url), 'utf8');
const tags = (repository: string): string => `set=repository.deployment.tag=${repository}&set=flea.deployment.tag=ok`;

interface Line {
  readonly event: string;
  readonly time: string;
  readonly message: string;
  readonly status?: number;
  readonly answer?: Record<string, unknown>;
}

const NDJSON = { accept: 'application/x-ndjson' };

const open = async (world: DeployWorld, method: string, path: string, body?: string, headers = NDJSON) =>
  fetch(`${world.url}${path}`, { method, headers, ...(body !== undefined && { body }) });

const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const stream = async (world: DeployWorld, method: string, path: string, body?: string): Promise<Line[]> => {
  const response = await open(world, method, path, body);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  return linesOf(await response.text());
};

/** A cluster that stops at the first write of an object until it is opened. */
const gated = () => {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const change = (cluster: ReleaseCluster): ReleaseCluster => ({
    ...cluster,
    applyObject: async (object, options) => {
      if (options?.dryRun !== true) {
        reached.resolve();
        await gate.promise;
      }
      return cluster.applyObject(object, options);
    },
  });
  return { change, reached: reached.promise, open: () => gate.resolve() };
};

const messages = (lines: readonly Line[], event: string): string[] =>
  lines.filter((line) => line.event === event).map(({ message }) => message);

describe('a stream of events', () => {
  test('of a deploy ends with the status and the answer of the plain call', async () => {
    const world = await startDeploy();
    const lines = await stream(world, 'POST', `/demo?${tags('ok')}`, basic);
    expect(lines[0]).toMatchObject({ event: 'start', message: 'POST /demo' });
    expect(lines.every(({ time }) => !Number.isNaN(Date.parse(time)))).toBe(true);
    expect(messages(lines, 'applied')).toEqual([
      'Service demo-tensorio-models-repository created',
      'Service demo-tensorio-models-flea created',
      'Deployment demo-repository created',
      'Deployment demo-flea created',
    ]);
    expect(messages(lines, 'ready')).toContain('Deployment demo-flea is ready');
    expect(messages(lines, 'health')).toEqual([
      'Service demo-tensorio-models-repository is SERVING',
      'Service demo-tensorio-models-flea is SERVING',
    ]);
    expect(messages(lines, 'committed')).toEqual(['Revision 1 is deployed']);
    expect(lines.at(-1)).toMatchObject({
      event: 'end',
      message: 'deployed',
      status: 201,
      answer: { outcome: 'deployed', revision: 1 },
    });
    expect(world.lines.at(-1)).toMatchObject({ outcome: 'deployed', status: 201 });
  });

  test('of a failed deploy has the reason of the pod, the rollback, and the problem document', async () => {
    const world = await startDeploy();
    await stream(world, 'POST', `/demo?${tags('ok')}`, basic);
    const lines = await stream(world, 'POST', `/demo?${tags('bad-image')}`, basic);
    expect(messages(lines, 'waiting')).toContain('Deployment demo-repository: 0 of 1 pods ready, 1 updated, 1 in all');
    expect(messages(lines, 'pod')).toEqual([expect.stringContaining('ImagePullBackOff')]);
    expect(messages(lines, 'failed')).toEqual([expect.stringContaining('ImagePullBackOff')]);
    expect(messages(lines, 'rolling-back')).toEqual(['Restoring revision 1']);
    const end = lines.at(-1);
    expect(end).toMatchObject({ event: 'end', answer: { outcome: 'rolled-back', failedRevision: 2 } });
    expect(end?.status).toBe(end?.answer?.['status']);
    expect(world.lines.at(-1)).toMatchObject({ code: 'rolled-back', status: end?.status });
  });

  test('of a rollback and of an uninstall', async () => {
    const world = await startDeploy();
    for (const tag of ['ok', 'ok-2']) await stream(world, 'POST', `/demo?${tags(tag)}`, basic);
    const back = await stream(world, 'POST', '/demo/rollback');
    expect(messages(back, 'recorded')).toEqual(['Revision 3 (rollback to 1) is recorded as pending']);
    expect(back.at(-1)).toMatchObject({ event: 'end', status: 200, answer: { revision: 3 } });
    const gone = await stream(world, 'DELETE', '/demo');
    expect(messages(gone, 'deleted')).toHaveLength(4);
    expect(gone.at(-1)).toMatchObject({ status: 200, answer: { outcome: 'uninstalled' } });
  });

  test('of a refused call ends with its problem', async () => {
    const world = await startDeploy();
    expect(await stream(world, 'POST', '/demo?dryrun=client', basic)).toMatchObject([
      { event: 'start' },
      { event: 'end', status: 400, answer: { status: 400, issues: [{ path: '?dryrun' }] } },
    ]);
    expect((await stream(world, 'DELETE', '/demo')).at(-1)).toMatchObject({ status: 404 });
  });

  test('begins at once, and has a heartbeat while nothing happens', async () => {
    const gate = gated();
    const world = await startDeploy({}, gate.change);
    const response = await open(world, 'POST', `/demo?${tags('ok')}`, basic);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (part: string): Promise<void> => {
      while (!text.includes(part)) text += (await reader?.read())?.value ?? '';
    };
    await readUntil('"start"');
    await gate.reached;
    await readUntil('"recorded"');
    expect(text).not.toContain('"end"');
    world.beat();
    await readUntil('"heartbeat"');
    gate.open();
    await readUntil('"end"');
    expect(linesOf(text).map(({ event }) => event)).toEqual(expect.arrayContaining(['heartbeat', 'committed']));
    const count = text.length;
    world.beat();
    expect((await reader?.read())?.done).toBe(true);
    expect(text).toHaveLength(count);
  });

  test('as server-sent events has an id and a name for each', async () => {
    const world = await startDeploy();
    const response = await open(world, 'POST', `/demo?${tags('ok')}`, basic, { accept: 'text/event-stream' });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const events = (await response.text()).trim().split('\n\n');
    expect(events[0]).toMatch(/^id: 1\nevent: start\ndata: \{"event":"start",/);
    expect(events.at(-1)).toMatch(new RegExp(`^id: ${events.length}\nevent: end\ndata: \\{"event":"end",`));
  });

  test('that nobody reads any more does not stop the deploy', async () => {
    const gate = gated();
    const world = await startDeploy({}, gate.change);
    const controller = new AbortController();
    const response = await fetch(`${world.url}/demo?${tags('ok')}`, {
      method: 'POST',
      headers: NDJSON,
      body: basic,
      signal: controller.signal,
    });
    await gate.reached;
    controller.abort();
    await expect(response.text()).rejects.toThrow('abort');
    gate.open();
    await expect
      .poll(() => world.lines.some(({ outcome, status }) => outcome === 'deployed' && status === 201))
      .toBe(true);
  });
});

test('GET shows the revision in progress, on a first install too', async () => {
  const gate = gated();
  const world = await startDeploy({}, gate.change);
  const running = open(world, 'POST', `/demo?${tags('ok')}`, basic, { accept: 'application/json' });
  await gate.reached;
  const shown = await fetch(`${world.url}/demo`);
  expect({ status: shown.status, body: await shown.json() }).toMatchObject({
    status: 200,
    body: {
      status: 'deploying',
      revision: null,
      pending: 1,
      busy: { holder: expect.stringContaining('request-') },
      inProgress: {
        revision: 1,
        status: 'pending',
        images: ['docai/tensorio-models:ok', 'docai/flea:ok'],
        objects: expect.arrayContaining([
          { kind: 'Deployment', name: 'demo-flea', ready: false, why: 'the Deployment does not exist' },
        ]),
      },
    },
  });
  const listed = await fetch(`${world.url}/`);
  expect(await listed.json()).toMatchObject({ releases: [{ release: 'demo', status: 'deploying', pending: 1 }] });
  gate.open();
  expect((await running).status).toBe(201);
  expect(await (await fetch(`${world.url}/demo`)).json()).toMatchObject({ status: 'deployed', pending: null });
});

test('DELETE /<release>/operations/current without a running call is 404', async () => {
  const world = await startDeploy();
  const response = await fetch(`${world.url}/demo/operations/current`, { method: 'DELETE' });
  expect({ status: response.status, body: await response.json() }).toMatchObject({
    status: 404,
    body: { detail: 'No call is running on release default/demo.' },
  });
  expect((await fetch(`${world.url}/demo/operations/current`)).status).toBe(405);
});
