import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseGsUri } from '../../src/storage/uri.ts';
import { createDeps } from '../release/world.ts';
import { startDeploy } from './deploy-world.ts';
import type { DeployWorld } from './deploy-world.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../../infra/examples/values.${name}.yaml`, import.meta.url), 'utf8');

const depsAllowing = (world: DeployWorld, namespaces: readonly string[]) => {
  const deps = createDeps(world);
  return { ...deps, launch: { ...deps.launch, allowed: { ...deps.launch.allowed, namespaces } } };
};

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

const call = async (
  world: DeployWorld,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answered> => {
  const response = await fetch(`${world.url}${path}`, { method, headers, ...(body !== undefined && { body }) });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status,
    type,
    headers: response.headers,
    text,
    body: type.includes('json') ? JSON.parse(text) : {},
  };
};

const ok = (...components: string[]): string => components.map((name) => `set=${name}.deployment.tag=ok`).join('&');
const BOTH = ok('repository', 'flea');
const GCS_KEYS = ['sacred.json', 'sacred.pem', 'googleAccessId'];

describe('the chart’s files', () => {
  test('basic is deployed unchanged, with warnings', async () => {
    const world = await startDeploy();
    const answer = await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(answer).toMatchObject({ status: 201, body: { outcome: 'deployed', release: 'demo', revision: 1 } });
    expect(answer.headers.get('location')).toBe('/demo');
    expect(Object.keys(answer.body)).toEqual(
      expect.arrayContaining([
        'outcome',
        'release',
        'revision',
        'objects',
        'diff',
        'notes',
        'warnings',
        'health',
        'timings',
      ]),
    );
    expect(answer.body['warnings']).toContainEqual(expect.stringContaining('authTokensSecret'));
    expect(world.lines.at(-1)).toMatchObject({ outcome: 'deployed', release: 'demo', revision: 1, status: 201 });
  });

  test('gcs needs three keys: all are reported at once, and nothing is changed', async () => {
    const world = await startDeploy();
    const missing = await call(world, 'POST', `/demo?${BOTH}`, file('gcs'));
    expect(missing).toMatchObject({ status: 424, type: expect.stringContaining('application/problem+json') });
    expect(missing.body['missing']).toMatchObject([
      { secret: 'tensorio-models', absent: true, keys: GCS_KEYS.map((key) => ({ key })) },
    ]);
    expect(missing.text).toContain(
      'kubectl create secret generic tensorio-models --namespace default --from-file=sacred.json=./sacred.json',
    );
    expect(await world.objects()).toEqual([]);
    await world.putSecret('tensorio-models', GCS_KEYS);
    expect(await call(world, 'POST', `/demo?${BOTH}`, file('gcs'))).toMatchObject({ status: 201 });
  });

  test('checkSecrets is checked before anything else', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['another']);
    const missing = await call(world, 'POST', '/demo?set=repository.deployment.tag=ok', file('checkSecrets'));
    expect(missing).toMatchObject({
      status: 424,
      body: { missing: [{ absent: false, keys: [{ key: 'sacred.json', displayName: 'service-account-key' }] }] },
    });
    await world.putSecret('tensorio-models', ['sacred.json']);
    expect(await call(world, 'POST', '/demo?set=repository.deployment.tag=ok', file('checkSecrets'))).toMatchObject({
      status: 201,
    });
  });

  test('a token file in the Secret of the service account is checked like the key file', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['sacred.json']);
    const account = 'repository.deployment.serviceAccount';
    const sets = [
      `${account}.secret=tensorio-models`,
      `${account}.key=sacred.json`,
      `${account}.mountPath=/etc/sacred/`,
      'repository.deployment.authTokensFile=/etc/sacred/AuthTokens.txt',
    ];
    const path = `/demo?${BOTH}&${sets.map((set) => `set=${set}`).join('&')}`;
    const missing = await call(world, 'POST', path, file('basic'));
    expect(missing).toMatchObject({
      status: 424,
      body: { missing: [{ secret: 'tensorio-models', absent: false, keys: [{ key: 'AuthTokens.txt' }] }] },
    });
    await world.putSecret('tensorio-models', ['sacred.json', 'AuthTokens.txt']);
    expect(await call(world, 'POST', path, file('basic'))).toMatchObject({ status: 201 });
  });

  test('aggregator alone launches the aggregation and makes no revision', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['sacred.json']);
    const answer = await call(world, 'POST', '/flea-aggregator', file('aggregator'));
    expect(answer).toMatchObject({
      status: 200,
      body: {
        outcome: 'unchanged',
        revision: null,
        aggregation: { outcome: 'created', job: { name: 'flea-aggregator-aggregation-1' } },
      },
    });
    expect(await world.objects()).toEqual([]);
    expect(world.pods.jobs()).toHaveLength(1);
  });
});

describe('an aggregation beside services', () => {
  const both = `${file('basic')}\n${file('aggregator').replace(/^namespace:.*$/m, '')}`;

  test('is launched once they are ready, and is no part of the release', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['sacred.json']);
    const first = await call(world, 'POST', `/demo?${BOTH}`, both);
    expect(first).toMatchObject({
      status: 201,
      body: { outcome: 'deployed', aggregation: { outcome: 'created', job: { name: 'demo-aggregation-1' } } },
    });
    const again = await call(world, 'POST', `/demo?${BOTH}`, both);
    expect(again).toMatchObject({ status: 200, body: { outcome: 'unchanged', aggregation: { outcome: 'exists' } } });
    await call(world, 'DELETE', '/demo');
    expect(world.pods.jobs()).toHaveLength(1);
  });

  test('that cannot run is reported before the services are changed', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['sacred.json']);
    world.store.put(parseGsUri('gs://example-jobs/task-1/aggregation-checkpoints.txt'), '');
    const answer = await call(world, 'POST', `/demo?${BOTH}`, both);
    expect(answer.status).toBe(400);
    expect(await world.objects()).toEqual([]);
  });

  test('dry run answers both', async () => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', ['sacred.json']);
    const answer = await call(world, 'POST', `/demo?dryRun=server&${BOTH}`, both);
    expect(answer).toMatchObject({ status: 200, body: { outcome: 'dry-run', aggregation: { outcome: 'dry-run' } } });
    expect(world.pods.jobs()).toEqual([]);
  });
});

describe('what is wrong is named, and nothing is changed', () => {
  const at = (path: string) => ({ issues: expect.arrayContaining([expect.objectContaining({ path })]) });
  const faults: readonly (readonly [string, string, string, number, object])[] = [
    ['a release name too long for its Service', `/${'r'.repeat(37)}?${BOTH}`, file('basic'), 422, at('release')],
    ['a release name that is none', `/Demo_1?${BOTH}`, file('basic'), 422, at('release')],
    ['a namespace that is not allowed', `/demo?${BOTH}&set=namespace=kube-system`, file('basic'), 422, at('namespace')],
    [
      'an image that is not allowed',
      `/demo?${BOTH}&set=flea.deployment.repository=evil/flea`,
      file('basic'),
      422,
      at('flea.deployment.repository'),
    ],
    [
      'a bucket that is not allowed',
      `/demo?${BOTH}&set=flea.deployment.fleaGcsBucket=other`,
      file('gcs'),
      422,
      at('flea.deployment.fleaGcsBucket'),
    ],
    [
      'an unknown key',
      '/demo',
      `${file('basic')}\nrepositry: {}\n`,
      400,
      { issues: [{ path: 'repositry', message: expect.stringContaining('did you mean "repository"?') }] },
    ],
    [
      'replicas as text',
      '/demo?set-string=repository.deployment.replicas=two',
      file('basic'),
      400,
      at('repository.deployment.replicas'),
    ],
    [
      'a bucket as a number',
      '/demo',
      file('gcs').replace('example-repository', '123'),
      400,
      at('repository.deployment.repositoryGcsBucket'),
    ],
    ['a YAML alias bomb', '/demo', 'a: &a [x,x]\nb: &b [*a,*a]\nnamespace: *b\n', 400, {}],
    ['a YAML tag', '/demo', 'namespace: !!js/function "x"\n', 400, {}],
    [
      'an aggregation',
      '/demo',
      'aggregator: {tag: "1"}\n',
      422,
      { issues: [{ message: expect.stringContaining('send them to the function aggregate') }] },
    ],
    [
      'nothing to deploy',
      '/demo',
      'namespace: default\n',
      422,
      { issues: [{ message: expect.stringContaining('nothing to deploy') }] },
    ],
    [
      'two Secrets at one folder',
      `/demo?${BOTH}&set=repository.deployment.authTokensSecret.secret=s&set=repository.deployment.authTokensSecret.key=k&set=repository.deployment.serviceAccount.secret=s&set=repository.deployment.serviceAccount.key=k&set=repository.deployment.serviceAccount.mountPath=/etc/tokens`,
      file('basic'),
      422,
      at('repository.deployment.authTokensFile'),
    ],
    [
      'a token Secret beside gcs',
      `/demo?${BOTH}&set=repository.deployment.authTokensSecret.secret=s&set=repository.deployment.authTokensSecret.key=k`,
      file('gcs'),
      422,
      at('repository.deployment.authTokensSecret'),
    ],
    [
      'a service without a token file',
      `/demo?${BOTH}&set=repository.deployment.authTokensFile=null`,
      file('basic'),
      422,
      at('repository.deployment.authTokensFile'),
    ],
    [
      'flea without a base URL of the repository',
      `/demo?set=repository=null&set=flea.deployment.tag=ok`,
      file('basic'),
      422,
      at('flea.deployment.modelsUri'),
    ],
    [
      'a key file without the path that it is mounted at',
      `/demo?${BOTH}&set=flea.deployment.serviceAccount.mountPath=null`,
      file('gcs'),
      400,
      at('flea.deployment.serviceAccount.mountPath'),
    ],
    ['a wait that outlives the function', `/demo?timeoutSec=3000&${BOTH}`, file('basic'), 400, at('?timeoutSec')],
    ['an unknown parameter', '/demo?dryrun=server', file('basic'), 400, at('?dryrun')],
    ['a wrong choice', '/demo?onFailure=panic', file('basic'), 400, at('?onFailure')],
  ];
  test.each(faults)('%s', async (_what, path, body, status, details) => {
    const world = await startDeploy();
    await world.putSecret('tensorio-models', GCS_KEYS);
    const answer = await call(world, 'POST', path, body);
    expect(answer).toMatchObject({ status, type: expect.stringContaining('application/problem+json'), body: details });
    expect(await world.objects()).toEqual([]);
  });

  test('a namespace that does not exist', async () => {
    const base = await startDeploy();
    const world = await startDeploy({ release: depsAllowing(base, ['default', 'absent']) });
    const answer = await call(world, 'POST', `/demo?set=namespace=absent&${BOTH}`, file('basic'));
    expect(answer).toMatchObject({
      status: 422,
      body: { issues: [{ path: 'namespace', message: expect.stringContaining('kubectl create namespace absent') }] },
    });
  });
});

describe('a release that fails', () => {
  test('answers the pod, the reason and the log line, and what was done about it', async () => {
    const world = await startDeploy();
    const answer = await call(
      world,
      'POST',
      '/demo?set=repository.deployment.tag=crash&set=flea.deployment.tag=ok',
      file('basic'),
    );
    expect(answer).toMatchObject({
      status: 422,
      type: expect.stringContaining('application/problem+json'),
      body: {
        type: 'urn:tensorio-trigger:rolled-back',
        outcome: 'rolled-back',
        revision: null,
        failedRevision: 1,
        evidence: [
          {
            container: 'repository',
            reason: 'CrashLoopBackOff',
            exitCode: 1,
            log: expect.stringContaining('AUTH_TOKENS_FILE'),
          },
        ],
        warnings: expect.arrayContaining([expect.stringContaining('authTokensFile')]),
      },
    });
    expect(answer.body['detail']).toMatch(/The objects that it had created were deleted/);
    const shown = await call(world, 'GET', '/demo');
    expect(shown).toMatchObject({
      status: 200,
      body: {
        revision: null,
        status: 'failed',
        lastFailure: { revision: 1, evidence: [{ reason: 'CrashLoopBackOff' }] },
      },
    });
  });

  test('by a service that is not serving is rolled back, too', async () => {
    const base = await startDeploy();
    const deps = createDeps(base, {
      ...base.cluster,
      probeService: async () => ({ kind: 'answered', status: 503, body: 'starting' }),
    });
    const world = await startDeploy({ release: deps });
    const answer = await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(answer).toMatchObject({
      status: 422,
      body: {
        outcome: 'rolled-back',
        health: expect.arrayContaining([expect.objectContaining({ status: 'NOT_SERVING' })]),
      },
    });
  });

  test('a service that cannot be asked is unverified: a warning', async () => {
    const base = await startDeploy();
    const deps = createDeps(base, {
      ...base.cluster,
      probeService: async () => ({ kind: 'unreachable', message: 'no route' }),
    });
    const world = await startDeploy({ release: deps });
    const answer = await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(answer).toMatchObject({
      status: 201,
      body: { health: [{ status: 'unverified' }, { status: 'unverified' }] },
    });
    expect(answer.body['warnings']).toContainEqual(
      expect.stringContaining('not verified: not reached through the API server: no route'),
    );
  });
});

describe('reading', () => {
  test('releases, one release, its history, its drift', async () => {
    const world = await startDeploy();
    expect(await call(world, 'GET', '/')).toMatchObject({ status: 200, body: { releases: [] } });
    expect(await call(world, 'GET', '/demo')).toMatchObject({ status: 404 });
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(await call(world, 'GET', '/')).toMatchObject({
      body: { releases: [{ release: 'demo', revision: 1, namespace: 'default' }] },
    });
    expect(await call(world, 'GET', '/demo')).toMatchObject({
      body: {
        release: 'demo',
        revision: 1,
        pending: null,
        status: 'deployed',
        objects: Array.from({ length: 4 }, () => ({ ready: true })),
        health: [{ status: 'SERVING' }, { status: 'SERVING' }],
      },
    });
    expect(await call(world, 'GET', '/demo/history')).toMatchObject({
      body: { revisions: [{ revision: 1, status: 'deployed', images: ['docai/tensorio-models:ok', 'docai/flea:ok'] }] },
    });
    expect(await call(world, 'GET', '/demo/diff')).toMatchObject({ body: { revision: 1, diff: [] } });
  });

  test('posted values against what runs: as JSON, and as a unified diff of the YAML', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    const path = `/demo/diff?set=repository.deployment.tag=ok-2&set=flea.deployment.tag=ok`;
    const json = await call(world, 'POST', path, file('basic'));
    expect(json).toMatchObject({
      status: 200,
      body: {
        diff: [
          {
            kind: 'Deployment',
            name: 'demo-repository',
            changes: [{ before: 'docai/tensorio-models:ok', after: 'docai/tensorio-models:ok-2' }],
          },
        ],
      },
    });
    const plain = await call(world, 'POST', path, file('basic'), { accept: 'text/plain' });
    expect(plain).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' });
    expect(plain.text).toContain('--- live/Deployment/demo-repository\n+++ release/Deployment/demo-repository\n@@ ');
    expect(plain.text).toContain(
      '\n-          image: docai/tensorio-models:ok\n+          image: docai/tensorio-models:ok-2\n',
    );
    expect((await call(world, 'GET', '/demo')).body['revision']).toBe(1);
    const none = await call(world, 'GET', '/demo/diff', undefined, { accept: 'text/plain' });
    expect(none.text).toBe('no changes\n');
  });

  test('a client dry run calls nobody', async () => {
    const base = await startDeploy();
    const forbidden = new Proxy(base.cluster, { get: () => () => Promise.reject(new Error('called')) });
    const world = await startDeploy({ release: createDeps(base, forbidden) });
    const answer = await call(world, 'POST', `/demo?dryRun=client&${BOTH}`, file('basic'), { accept: 'text/plain' });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('+++ release/Deployment/demo-repository');
  });

  test('a token that somebody wrote into the environment is not shown', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    const env = [{ name: 'API_TOKEN', value: 'hunter2hunter2' }];
    const selected = {
      'app.kubernetes.io/name': 'tensorio-models-repository',
      'app.kubernetes.io/instance': 'demo-repository',
    };
    const selector = { matchLabels: selected };
    const template = { spec: { containers: [{ name: 'repository', image: 'x', env }] } };
    world.memory.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'demo-repository' });
    const labels = { 'tensorio-trigger/release': 'demo' };
    await world.put(
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'demo-repository', namespace: 'default', labels },
        spec: { selector, template },
      },
      'helm',
    );
    for (const accept of ['application/json', 'text/plain']) {
      const drift = await call(world, 'GET', '/demo/diff', undefined, { accept });
      expect(drift.status).toBe(200);
      expect(drift.text).toContain('(hidden)');
      expect(drift.text).not.toContain('hunter2');
    }
  });
});

describe('rollback and uninstall', () => {
  test('to the one before, to one that is named, to one that never ran', async () => {
    const world = await startDeploy();
    expect(await call(world, 'POST', '/demo/rollback')).toMatchObject({ status: 404 });
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(await call(world, 'POST', '/demo/rollback')).toMatchObject({ status: 404 });
    await call(world, 'POST', `/demo?set=repository.deployment.tag=ok-2&set=flea.deployment.tag=ok`, file('basic'));
    expect(await call(world, 'POST', '/demo/rollback')).toMatchObject({
      status: 200,
      body: { outcome: 'deployed', revision: 3 },
    });
    expect(await call(world, 'POST', '/demo/rollback?revision=2')).toMatchObject({
      status: 200,
      body: { revision: 4 },
    });
    await call(world, 'POST', `/demo?set=repository.deployment.tag=bad-name&set=flea.deployment.tag=ok`, file('basic'));
    expect(await call(world, 'POST', '/demo/rollback?revision=5')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('never ran (failed') },
    });
    expect(await call(world, 'POST', '/demo/rollback?revision=99')).toMatchObject({ status: 404 });
    expect(await call(world, 'POST', '/demo/rollback?revision=-1')).toMatchObject({ status: 400 });
  });

  test('a conflict is refused, names ?force=true, and is taken with it; the history lists the former value', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    const metadata = { name: 'demo-repository', namespace: 'default' };
    await world.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 3 } }, 'kubectl-edit');
    const refused = await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(refused).toMatchObject({ status: 409, body: { type: 'urn:tensorio-trigger:conflict' } });
    expect(refused.body['detail']).toContain('?force=true');
    const taken = [
      { kind: 'Deployment', name: 'demo-repository', field: 'spec.replicas', manager: 'kubectl-edit', value: 3 },
    ];
    expect(await call(world, 'POST', `/demo?force=true&${BOTH}`, file('basic'))).toMatchObject({
      status: 200,
      body: { outcome: 'deployed', revision: 2, taken },
    });
    expect(await call(world, 'GET', '/demo/history')).toMatchObject({
      body: { revisions: [{ revision: 2, taken }, { revision: 1 }] },
    });
  });

  test('DELETE takes everything away', async () => {
    const world = await startDeploy();
    await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
    expect(await call(world, 'DELETE', '/demo')).toMatchObject({ status: 200, body: { outcome: 'uninstalled' } });
    expect(await world.objects()).toEqual([]);
    expect(await call(world, 'DELETE', '/demo')).toMatchObject({ status: 404 });
  });

  test('other paths and methods are refused', async () => {
    const world = await startDeploy();
    expect(await call(world, 'PUT', '/demo')).toMatchObject({ status: 405 });
    expect(await call(world, 'POST', '/')).toMatchObject({ status: 405 });
    expect(await call(world, 'GET', '/demo/what/ever')).toMatchObject({ status: 404 });
  });
});

test('restart rolls the pods though nothing changed, and the next deploy does not roll them back', async () => {
  const world = await startDeploy();
  await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
  const path = `/demo?${BOTH}&set=repository.deployment.restart=true`;
  const restarted = await call(world, 'POST', path, file('basic'));
  expect(restarted).toMatchObject({ body: { outcome: 'deployed', revision: 2 } });
  expect(JSON.stringify(restarted.body['diff'])).toContain('restarted-at');
  expect(await call(world, 'POST', `/demo?${BOTH}`, file('basic'))).toMatchObject({
    body: { outcome: 'unchanged', revision: 2 },
  });
});

test('ten revisions are kept', { timeout: 60_000 }, async () => {
  const world = await startDeploy();
  for (let tag = 1; tag <= 13; tag += 1) {
    await call(
      world,
      'POST',
      `/demo?set=repository.deployment.tag=ok-${tag}&set=flea.deployment.tag=ok`,
      file('basic'),
    );
  }
  const { body } = await call(world, 'GET', '/demo/history');
  const revisions = body['revisions'] as { revision: number }[];
  expect(revisions.map(({ revision }) => revision)).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4]);
});

test('the same release in another namespace is reported', async () => {
  const base = await startDeploy();
  const world = await startDeploy({ release: depsAllowing(base, ['default', 'research']) });
  await call(world, 'POST', `/demo?${BOTH}`, file('basic'));
  const second = await call(world, 'POST', `/demo?${BOTH}&set=namespace=research`, file('basic'));
  expect(second).toMatchObject({ status: 201, body: { namespace: 'research' } });
  expect(second.body['warnings']).toContainEqual(expect.stringContaining('runs in namespace default as well'));
  expect(await call(world, 'GET', '/demo')).toMatchObject({ status: 400, body: { issues: [{ path: '?namespace' }] } });
  expect(await call(world, 'GET', '/demo?namespace=research')).toMatchObject({ status: 200 });
  expect(await call(world, 'GET', '/demo?namespace=kube-system')).toMatchObject({ status: 422 });
});
