import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { createRawApi } from '../contracts/raw-api.ts';
import type { RawApi } from '../contracts/raw-api.ts';
import { createRunner, isInstalled } from '../../infra/local/test/gcs/command-line.ts';
import type { Calls } from './helpers/calls.ts';
import { createCalls } from './helpers/calls.ts';
import { member } from './helpers/json.ts';
import { roundValues, updateName } from './helpers/rounds.ts';
import { fields } from './helpers/runs.ts';
import { PATIENCE_MS, UNTIL_MS } from './helpers/size.ts';
import type { StackProcess } from './helpers/stack-process.ts';
import { commandOf, descendantsOf, hasProc, isAlive, startStackProcess } from './helpers/stack-process.ts';
import { until } from './helpers/until.ts';
import { BUCKETS } from './helpers/world.ts';

vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS });

const SLEEPING = fileURLToPath(new URL('helpers/sleeping-image.mjs', import.meta.url));
const LISTS = [
  {
    object: `gs://${BUCKETS.uploads}/lists/{taskId}/list.txt`,
    outputPath: `gs://${BUCKETS.models}/{taskId}/final-aggregate`,
  },
];

const folder = mkdtempSync(join(tmpdir(), 'tensorio-stack-'));
const data = join(folder, 'data');
/** The first container of docai/flea-aggregator runs, and sleeps: no list's Job may have that image. */
const marker = join(folder, 'ran');
let stack: StackProcess;
let api: RawApi;
let calls: Calls;

/** Starts the stack on the same data, under new ports. */
const start = async (): Promise<void> => {
  const values = join(folder, 'values.json');
  const configured = roundValues({ reportGoal: 50 });
  writeFileSync(
    values,
    JSON.stringify({ ...configured, aggregator: { ...configured.aggregator, repository: 'docai/flea' }, lists: LISTS }),
  );
  const node = `${process.execPath} --no-warnings`;
  const images = [
    `docai/flea-aggregator=${node} ${SLEEPING} ${marker}`,
    `docai/flea=${process.execPath} --version`,
    `docai/tensorio-models=${node} ${SLEEPING}`,
  ];
  stack = await startStackProcess([
    '--data',
    data,
    '--values',
    values,
    ...images.flatMap((image) => ['--image', image]),
  ]);
  const { aggregate = '', storage = '', kubeconfig = '' } = stack.info;
  api = await createRawApi(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }));
  calls = createCalls(() => aggregate, storage, api, 'default');
};

beforeAll(start);
afterAll(async () => {
  // Not SIGKILL: a test that failed may have left containers, which only the kubelet ends.
  await stack?.end('SIGTERM');
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

const runInState = (id: string, state: string): Promise<Readonly<Record<string, unknown>>> =>
  until(async () => {
    const { body } = await calls.call('GET', `/${id}`);
    expect(`${id}: ${String(body['state'])}, ${String(body['why'])}`).toMatch(new RegExp(`^${id}: ${state},`));
    return body;
  });

test('npm start -- --json prints one line that says where everything is, and its process id', () => {
  const url = expect.stringMatching(/^http:\/\/127\.0\.0\.1:[0-9]+$/);
  expect(stack.info).toMatchObject({
    aggregate: url,
    onCheckpoint: url,
    kubernetes: url,
    storage: url,
    kubeconfig: join(data, 'kubeconfig'),
    stateUri: `gs://${BUCKETS.state}`,
    pid: String(stack.child.pid),
  });
});

describe.skipIf(!isInstalled('kubectl'))('kubectl on the stack', () => {
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { kubeconfig = '' } = stack.info;
    const run = createRunner('kubectl', folder, { KUBECONFIG: kubeconfig });
    const { code, out, err } = await run(...args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${code} ${err}`);
    return out;
  };

  test('creates the Secret, waits for the Job that the function made, gets, describes, logs and deletes it', async () => {
    await calls.upload({ bucket: BUCKETS.uploads, name: 'lists/two.txt', bytes: `gs://${BUCKETS.uploads}/a.zip\n` });
    const missing = await calls.call('POST', '/', fields('kubectl'));
    expect(missing.status).toBe(424);
    const [told] = Array.isArray(missing.body['missing']) ? missing.body['missing'] : [];
    const command = String(member(told, 'command'));
    expect(command).toMatch(/^kubectl create secret generic sacred --namespace default --from-/);
    writeFileSync(join(folder, 'sacred.json'), '{}');
    await kubectl('create', 'secret', 'generic', 'sacred', '--from-file=sacred.json');

    const run = fields('kubectl', { repository: 'docai/flea' });
    expect((await calls.call('POST', '/', run)).status).toBe(201);
    const name = 'flea-aggregator-kubectl';
    await kubectl('wait', '--for=condition=complete', `job/${name}`, '--timeout=30s');
    expect(await kubectl('get', 'jobs')).toMatch(new RegExp(`^${name} +Complete +1/1 `, 'm'));
    expect(await kubectl('get', 'job', name, '-o', 'jsonpath={.status.succeeded}')).toBe('1');
    expect(await kubectl('describe', 'job', name)).toMatch(/Normal +Completed .* job-controller +Job completed/);
    expect(await kubectl('logs', `job/${name}`)).toBe(`${process.version}\n`);
    await kubectl('delete', 'job', name);
    expect(await kubectl('get', 'pods')).toBe('');
    expect((await calls.call('GET', '/kubectl')).body).toMatchObject({ state: expect.stringMatching(/complete|gone/) });
  });

  test('applies on the server', async () => {
    const file = join(folder, 'config-map.json');
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied' }, data: { a: '1' } };
    writeFileSync(file, JSON.stringify(map));
    await kubectl('apply', '--server-side', '-f', file);
    writeFileSync(file, JSON.stringify({ ...map, data: { b: '2' } }));
    await kubectl('apply', '--server-side', '-f', file);
    expect(await kubectl('get', 'configmap', 'applied', '-o', 'jsonpath={.data}')).toBe('{"b":"2"}');
  });
});
if (!isInstalled('kubectl')) test.skip('kubectl is not on the PATH: install it to try it on the stack', () => {});

describe.skipIf(!isInstalled('gcloud'))('gcloud storage on the stack', () => {
  test('copies, lists, reads and removes; a copied list is an event that starts a run', async () => {
    const run = createRunner('gcloud', folder, {
      CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `${stack.info['storage']}/storage/v1/`,
      CLOUDSDK_AUTH_DISABLE_CREDENTIALS: 'true',
      CLOUDSDK_CORE_PROJECT: 'local',
      CLOUDSDK_CONFIG: join(folder, 'gcloud'),
      CLOUDSDK_CORE_DISABLE_PROMPTS: '1',
      CLOUDSDK_CORE_DISABLE_USAGE_REPORTING: 'true',
    });
    const storage = async (...args: readonly string[]): Promise<string> => {
      const { code, out, err } = await run('storage', ...args);
      if (code !== 0) throw new Error(`gcloud storage ${args.join(' ')}: ${code} ${err}`);
      return out;
    };
    writeFileSync(join(folder, 'list.txt'), `gs://${BUCKETS.uploads}/a.zip\n`);
    const uri = `gs://${BUCKETS.uploads}/lists/by-gcloud/list.txt`;
    await storage('cp', 'list.txt', uri);
    const read = [storage('ls', `gs://${BUCKETS.uploads}/lists/by-gcloud/`), storage('cat', uri)];
    expect(await Promise.all(read)).toEqual([`${uri}\n`, `gs://${BUCKETS.uploads}/a.zip\n`]);
    await until(async () => {
      const { runs } = (await calls.call('GET', '/')).body;
      expect(runs).toContainEqual(expect.objectContaining({ trigger: 'upload' }));
    });
    await storage('rm', uri);
    expect(await calls.download(BUCKETS.uploads, 'lists/by-gcloud/list.txt')).toBeNull();
  });
});
if (!isInstalled('gcloud')) test.skip('gcloud is not on the PATH: install the Google Cloud CLI to try it', () => {});

/** The function's process among those of the stack. */
const functionPid = (target: string): number | undefined =>
  descendantsOf(stack.child.pid ?? 0).find((pid) => commandOf(pid).includes(`--target=${target}`));

const uploadRun = async (list: string): Promise<Record<string, unknown> | undefined> => {
  const { runs } = (await calls.call('GET', '/')).body;
  for (const run of Array.isArray(runs) ? runs : []) {
    const { body } = await calls.call('GET', `/${String(member(run, 'aggregationId'))}`);
    if (body['checkpointsFilePath'] === list) return body;
  }
  return undefined;
};

describe('kill -9 of the whole stack, then npm start on the same --data', () => {
  let before: readonly unknown[] = [];
  let children: readonly number[] = [];
  const LATE = 'lists/undelivered/list.txt';

  const slow = (id: string, backoffLimit: number, repository: string): Record<string, unknown> =>
    fields(id, { backoffLimit, repository });

  const look = async (): Promise<readonly unknown[]> => [
    (await api.send('GET', '/api/v1/namespaces/default/secrets/kept')).json,
    (await calls.call('GET', '/done')).body,
    (await calls.call('GET', '/tasks/kept')).body['accounting'],
    Buffer.from((await calls.download(BUCKETS.uploads, updateName('kept', 'a'))) ?? []).toString(),
  ];

  beforeAll(async () => {
    await calls.putSecret('kept', { k: 'v' });
    await calls.putSecret('sacred', { 'sacred.json': '{}' }).catch(() => {});
    await calls.upload({ bucket: BUCKETS.uploads, name: 'lists/two.txt', bytes: `gs://${BUCKETS.uploads}/a.zip\n` });
    await calls.upload({ bucket: BUCKETS.uploads, name: updateName('kept', 'a'), bytes: 'update' });
    await calls.call('POST', '/', fields('done', { repository: 'docai/flea' }));
    await runInState('done', 'complete');
    await calls.call('POST', '/', slow('goes-on', 1, 'docai/flea-aggregator'));
    await calls.call('POST', '/', slow('endless', 0, 'docai/tensorio-models'));
    await Promise.all([runInState('goes-on', 'running'), runInState('endless', 'running')]);
    await vi.waitUntil(() => existsSync(marker), { timeout: UNTIL_MS });
    before = await look();
    // Its events cannot be delivered any more, and wait.
    const pid = functionPid('onCheckpoint');
    if (pid !== undefined) process.kill(pid, 'SIGSTOP');
    await calls.upload({ bucket: BUCKETS.uploads, name: LATE, bytes: `gs://${BUCKETS.uploads}/a.zip\n` });
    children = descendantsOf(stack.child.pid ?? 0);
    await stack.end('SIGKILL');
    if (pid !== undefined) process.kill(pid, 'SIGCONT');
    await api.close();
    await start();
  });

  test.skipIf(!hasProc)('leaves no process behind', async () => {
    expect(children.length).toBeGreaterThan(3);
    await until(() => expect(children.filter(isAlive).map(commandOf)).toEqual([]));
  });

  test('keeps runs, Jobs, Secrets, objects and what is pending', async () => {
    expect(await look()).toEqual(before);
    const again = await calls.call('POST', '/', fields('done', { repository: 'docai/flea' }));
    expect(again).toMatchObject({ status: 200, body: { outcome: 'exists', state: 'complete' } });
    const names = (await calls.jobs()).map((job) => member(job, 'metadata', 'name'));
    expect(names).toEqual(expect.arrayContaining(['flea-aggregator-done', 'flea-aggregator-goes-on']));
  });

  test('fails the pods that were running, with the reason, and their Jobs go on: a disruption uses up no backoffLimit', async () => {
    const lost = { phase: 'Failed', reason: 'NodeShutdown', message: expect.stringContaining('The process was lost') };
    const goesOn = await runInState('goes-on', 'complete');
    expect(goesOn['pods']).toMatchObject([lost, { phase: 'Succeeded' }]);
    const endless = await runInState('endless', 'running');
    expect(endless['pods']).toMatchObject([lost, { phase: 'Running' }]);
    expect(endless['why']).toMatch(/ is running\. The one before it ended with exit code 137/);
  });

  test('delivers the events that were not delivered', async () => {
    const list = `gs://${BUCKETS.uploads}/${LATE}`;
    const run = await until(async () => {
      const found = await uploadRun(list);
      expect(found).toMatchObject({ trigger: 'upload' });
      return found;
    });
    await runInState(String(run?.['aggregationId']), 'complete');
  });

  test('and SIGTERM ends all of it, with exit code 0', async () => {
    const all = descendantsOf(stack.child.pid ?? 0);
    expect(await stack.end('SIGTERM')).toBe(0);
    expect(all.filter(isAlive).map(commandOf)).toEqual([]);
  });
});
