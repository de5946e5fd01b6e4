import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnavailableError } from '../../src/errors.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import { LIST, NAMESPACE } from '../helpers/launch-world.ts';
import type { AggregateWorld } from './world.ts';
import { startAggregate } from './world.ts';

const FIELDS = {
  repository: 'docai/flea-aggregator',
  tag: '1.0',
  aggregationId: 'a1',
  checkpointsFilePath: LIST,
  outputPath: 'gs://models/out',
  aggregationType: 'cma',
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
};

interface Reply {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

const SCHEDULER = 'scheduler@p.iam.gserviceaccount.com';

const tokenOf = (email: string): { readonly authorization: string } => ({
  authorization: `Bearer x.${Buffer.from(JSON.stringify({ email })).toString('base64url')}.SIGNATURE_REMOVED_BY_GOOGLE`,
});

const call = async (world: AggregateWorld, path: string, init: RequestInit = {}): Promise<Reply> => {
  const response = await fetch(`${world.url}${path}`, init);
  const text = await response.text();
  const body = text === '' ? {} : JSON.parse(text);
  return { status: response.status, type: response.headers.get('content-type'), headers: response.headers, text, body };
};

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});

describe('POST /', () => {
  test('with the aggregator’s fields creates a run and answers what callers rely on', async () => {
    const world = await startAggregate();
    const { status, body, headers } = await call(world, '/', json(FIELDS));
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/a1');
    expect(body).toMatchObject({
      outcome: 'created',
      aggregationId: 'a1',
      trigger: 'http',
      state: 'created',
      job: { namespace: NAMESPACE, name: 'flea-aggregator-a1', uid: expect.any(String) },
      outputPath: 'gs://models/out',
      createdAt: '2026-11-22T02:00:00.000Z',
      updates: 2,
      pods: [],
      steps: [{ step: 'claimed' }, { step: 'Job models/flea-aggregator-a1 created' }],
    });
  });

  test('takes the chart’s values file unchanged, as curl sends it, with --set in the query', async () => {
    const world = await startAggregate({ defaults: { namespace: NAMESPACE, releaseName: 'flea-aggregator' } });
    const file = await readFile(new URL('../../infra/examples/values.aggregator.yaml', import.meta.url), 'utf8');
    const query = new URLSearchParams([
      ['set', `namespace=${NAMESPACE},aggregator.tag=2.0`],
      ['set', `aggregator.aggregationId=x,aggregator.checkpointsFilePath=${LIST},aggregator.outputPath=gs://models/o`],
      ['set', 'aggregator.serviceAccount.secret=sacred,aggregator.serviceAccount.key=sacred.json'],
    ]);
    const { status, body } = await call(world, `/?${query}`, {
      method: 'POST',
      body: file,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(body).toMatchObject({ outcome: 'created', aggregationId: 'x', image: 'docai/flea-aggregator:2.0' });
    expect(status).toBe(201);
  });

  test('lays the request over the configured values', async () => {
    const { aggregationId: _id, ...configured } = FIELDS;
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator: { ...configured, backoffLimit: 3 } }),
    });
    const { body } = await call(world, '/?set=aggregator.backoffLimit=null', json({ aggregationId: 'a2', tag: '7' }));
    expect(body).toMatchObject({ outcome: 'created', image: 'docai/flea-aggregator:7' });
    expect(world.cluster.jobs()[0]?.spec?.backoffLimit).toBe(1);
  });

  test('merges several documents and ?set-json= over them, and a null removes a configured value', async () => {
    const { aggregationId: _id, ...configured } = FIELDS;
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator: { ...configured, backoffLimit: 3, activeDeadlineSeconds: 60 } }),
    });
    const body = 'aggregator: {aggregationId: a3, backoffLimit: 5}\n---\naggregator: {backoffLimit: null}\n';
    const query = `?set-json=${encodeURIComponent('aggregator={"activeDeadlineSeconds":null,"aggregationId":"a4","outputPath":"gs://models/a4"}')}`;
    expect(await call(world, '/', { method: 'POST', body })).toMatchObject({ status: 201 });
    expect(world.cluster.jobs()[0]?.spec).toMatchObject({ backoffLimit: 1, activeDeadlineSeconds: 60 });
    const { body: answer } = await call(world, `/${query}&dryRun=true`, { method: 'POST' });
    expect(answer['manifest']).toMatchObject({ spec: { backoffLimit: 3, activeDeadlineSeconds: 21_600 } });
  });

  test('values that curl -d cut, or that belong to deploy, start nothing', async () => {
    const { aggregationId: _id, ...configured } = FIELDS;
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator: { ...configured, aggregationId: 'by-{date}' } }),
    });
    const cut = await call(world, '/', { method: 'POST', body: '# Our values.aggregator:  tag: "2"' });
    expect(cut).toMatchObject({ status: 400, body: { detail: expect.stringContaining('--data-binary @values.yaml') } });
    const services = await call(world, '/', json({ namespace: NAMESPACE, flea: { release: true } }));
    expect(services).toMatchObject({ status: 400, body: { issues: [{ path: 'flea' }] } });
    expect(services.body['detail']).toContain('send the values there');
    expect(world.cluster.jobs()).toEqual([]);
  });

  test('the same again is 200 exists, another tag 409 naming the field', async () => {
    const world = await startAggregate();
    await call(world, '/', json(FIELDS));
    expect(await call(world, '/', json(FIELDS))).toMatchObject({ status: 200, body: { outcome: 'exists' } });
    expect(await call(world, '/', json({ ...FIELDS, tag: '2' }))).toMatchObject({
      status: 409,
      type: 'application/problem+json; charset=utf-8',
      body: { type: 'urn:tensorio-trigger:conflict', conflicts: [{ field: 'tag', claimed: '1.0', requested: '2' }] },
    });
  });

  test('50 at once create one Job', async () => {
    const world = await startAggregate();
    const all = await Promise.all(Array.from({ length: 50 }, () => call(world, '/', json(FIELDS))));
    expect(all.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(all.filter(({ body }) => body['outcome'] === 'exists')).toHaveLength(49);
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('?dryRun=true answers the manifest and writes nothing', async () => {
    const world = await startAggregate();
    const { status, body } = await call(world, '/?dryRun=true', json(FIELDS));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      outcome: 'dry-run',
      manifest: { kind: 'Job', metadata: { name: 'flea-aggregator-a1' } },
    });
    expect(world.store.all('state')).toEqual([]);
    expect(world.cluster.jobs()).toEqual([]);
  });

  test('a missing Secret is 424 with a command, and no value appears anywhere', async () => {
    const world = await startAggregate();
    world.cluster.removeSecret(NAMESPACE, 'sacred');
    const { status, body } = await call(
      world,
      '/',
      json({ ...FIELDS, checkSecrets: [{ name: 'more', keys: [{ key: 'k', displayName: 'The k' }] }] }),
    );
    expect(status).toBe(424);
    expect(body['missing']).toEqual([
      expect.objectContaining({
        secret: 'sacred',
        command: expect.stringMatching(/^kubectl create secret generic sacred /),
      }),
      expect.objectContaining({ secret: 'more', keys: [{ key: 'k', displayName: 'The k' }] }),
    ]);
  });

  test('every log line is one JSON line per call with what was decided', async () => {
    const world = await startAggregate();
    await call(
      world,
      '/',
      json(FIELDS, { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, ...tokenOf('ci@example.com') }),
    );
    expect(world.lines).toEqual([
      expect.objectContaining({
        severity: 'INFO',
        message: 'POST / -> 201',
        caller: 'ci@example.com',
        'logging.googleapis.com/trace': `projects/p/traces/${'a'.repeat(32)}`,
        trigger: 'http',
        aggregationId: 'a1',
        outcome: 'created',
        durationMs: expect.any(Number),
        upstreamCalls: expect.any(Number),
      }),
    ]);
    expect((await call(world, '/a1')).body).toMatchObject({ requestedBy: 'ci@example.com' });
  });
});

describe('what only an operator may set', () => {
  test.each([
    ['/', { serviceAccountName: 'admin' }, 'serviceAccountName', 'ALLOWED_SERVICE_ACCOUNTS'],
    ['/', { podAnnotations: { 'inject.example.com/image': 'evil' } }, 'podAnnotations', 'CALLER_FIELDS'],
    ['/?set=aggregator.queueName=fast', {}, 'queueName', 'CALLER_FIELDS'],
    ['/?set=aggregator.priorityClassName=null', {}, 'priorityClassName', 'CALLER_FIELDS'],
    ['/?dryRun=true', { nodeSelector: { pool: 'gpu' } }, 'nodeSelector', 'CALLER_FIELDS'],
  ])('a call of %s with %o is 403 and writes nothing', async (path, fields, field, variable) => {
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator: { priorityClassName: 'batch' } }),
    });
    const reply = await call(world, path, json({ ...FIELDS, ...fields }));
    expect(reply).toMatchObject({ status: 403, body: { issues: [{ path: `aggregator.${field}` }] } });
    expect(reply.body['detail']).toContain(variable);
    expect(world.store.all('state')).toEqual([]);
    expect(world.cluster.jobs()).toEqual([]);
  });

  test('passes as configured, and where it is permitted', async () => {
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator: { priorityClassName: 'batch' } }),
      powers: { callerFields: ['aggregator.nodeSelector'], repositoryUrls: [], serviceAccounts: ['trainer'] },
    });
    const fields = { priorityClassName: 'batch', nodeSelector: { pool: 'gpu' }, serviceAccountName: 'trainer' };
    expect(await call(world, '/', json({ ...FIELDS, ...fields }))).toMatchObject({ status: 201 });
  });
});

describe('bad input is a problem document that names the fault', () => {
  test.each([
    ['JSON that ends early', json('{"tag":'), 400, /line 1/],
    ['YAML that is none', { method: 'POST', body: 'a: [1', headers: { 'content-type': 'text/yaml' } }, 400, /line/],
    ['an unknown field', json({ ...FIELDS, repositry: 'x' }), 400, /did you mean "repository"/],
    ['an unknown field of a values file', json({ aggregator: { ...FIELDS, tga: '1' } }), 400, /"tag"/],
    ['a number where text belongs', json({ ...FIELDS, tag: 1.1 }), 400, /aggregator\.tag/],
    ['a duplicate key', json('{"tag":"1","tag":"2"}'), 400, /tag/],
    ['__proto__', json('{"__proto__":{"a":1}}'), 400, /__proto__/],
    ['a list as the document', json('[1]'), 400, /mapping/],
    ['nothing at all', { method: 'POST' }, 400, /aggregator\.outputPath/],
    ['depth', json('['.repeat(60_000)), 400, /./],
    [
      'aliases that grow',
      {
        method: 'POST',
        body: `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]},`.repeat(9)}]`).join('\n')}`,
        headers: { 'content-type': 'text/yaml' },
      },
      400,
      /./,
    ],
    ['an unknown encoding', json(FIELDS, { 'content-encoding': 'zstd' }), 415, /zstd/],
    ['an encoding that it is not', json(FIELDS, { 'content-encoding': 'gzip' }), 400, /gzip/],
    ['more than 64 KiB', json(' '.repeat(65_537)), 413, /The body has 65537 bytes/],
    ['more than a megabyte', json(' '.repeat(1_048_577)), 413, /1048576/],
    [
      'a megabyte of zeros packed',
      { method: 'POST', body: gzipSync(Buffer.alloc(50_000_000)), headers: { 'content-encoding': 'gzip' } },
      413,
      /1048576/,
    ],
    ['a template that is none', json({ ...FIELDS, outputPath: 'gs://models/{dat}' }), 400, /\{date\}/],
    ['a reserved id', json({ ...FIELDS, aggregationId: 'sweep' }), 400, /aggregationId/],
    ['bytes that are not UTF-8', { method: 'POST', body: Buffer.from([0x61, 0x3a, 0xff]) }, 400, /UTF-8/],
    ['release: false', json({ aggregator: { ...FIELDS, release: false } }), 400, /aggregator\.release/],
  ] as [string, RequestInit, number, RegExp][])('%s', async (_name, init, status, words) => {
    const world = await startAggregate();
    const reply = await call(world, '/', init);
    expect(reply.status).toBe(status);
    expect(reply.type).toContain('application/problem+json');
    expect(reply.body).toMatchObject({ status, title: expect.any(String), type: expect.stringMatching(/^urn:/) });
    expect(String(reply.body['detail'])).toMatch(words);
    expect(reply.text).not.toMatch(/ at .*\.ts|node_modules/);
    expect(world.store.all('state')).toEqual([]);
  });

  test.each([
    ['/?dryrun=true', 'POST', 400, /did you mean "dryRun"/],
    ['/?dryRun=maybe', 'POST', 400, /write true or false/],
    ['/?limit=0', 'GET', 400, /1 to 1000/],
    ['/?state=done', 'GET', 400, /one of claimed/],
    ['/?pageToken=x', 'GET', 400, /pageToken/],
    ['/nope', 'GET', 404, /There is no run "nope"/],
    ['/nope', 'DELETE', 404, /There is no run "nope"/],
    ['/a/b/c', 'GET', 404, /There is nothing at/],
    ['/%ZZ', 'GET', 400, /%ZZ/],
    ['/nope', 'PUT', 405, /GET, DELETE/],
    ['/', 'PATCH', 405, /GET, POST/],
    ['/a1?logs=x', 'GET', 400, /whole number/],
  ])('%s %s is %i', async (path, method, status, words) => {
    const world = await startAggregate();
    const reply = await call(world, path, { method });
    expect(reply.status).toBe(status);
    expect(reply.type).toContain('application/problem+json');
    expect(String(reply.body['detail'])).toMatch(words);
  });

  test('whatever the bytes and their type, never a 500 and never a stack', async () => {
    const world = await startAggregate();
    const types = [
      'application/json',
      'text/yaml',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/cloudevents+json',
      'text/plain; charset=utf-16',
      '??',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(...types),
        fc.constantFrom('', 'identity', 'gzip', 'br', 'x'),
        async (bytes, type, encoding) => {
          const headers = { 'content-type': type, ...(encoding !== '' && { 'content-encoding': encoding }) };
          const reply = await call(world, '/', { method: 'POST', body: Buffer.from(bytes), headers });
          expect([400, 413, 415]).toContain(reply.status);
          expect(reply.type).toContain('application/problem+json');
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a run', () => {
  const started = async (): Promise<AggregateWorld> => {
    const world = await startAggregate();
    await call(world, '/', json(FIELDS));
    return world;
  };
  const JOB = 'flea-aggregator-a1';

  test('goes from created over running to complete, and its end outlives the Job', async () => {
    const world = await started();
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'pending', pods: [{ phase: 'Pending' }] });
    world.cluster.runPods(NAMESPACE, JOB);
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'running' });
    world.store.put(parseGsUri('gs://models/out/checkpoint.index'), 'x');
    world.cluster.completeJob(NAMESPACE, JOB);
    expect((await call(world, '/a1')).body).toMatchObject({
      state: 'complete',
      why: 'Its Job completed.',
      finishedAt: expect.any(String),
    });
    world.cluster.removeJob(NAMESPACE, JOB);
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'complete', pods: [expect.anything()] });
  });

  test('that failed says why', async () => {
    const world = await started();
    world.cluster.failJob(NAMESPACE, JOB);
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'failed', why: expect.stringContaining('.') });
  });

  test('whose Job went unseen is gone', async () => {
    const world = await started();
    world.cluster.removeJob(NAMESPACE, JOB);
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'gone', why: expect.stringContaining('no output') });
  });

  test('?logs=N adds the last lines', async () => {
    const world = await started();
    const [pod] = world.cluster.pods();
    world.cluster.setLog(NAMESPACE, pod?.metadata?.name ?? '', 'aggregator', 'one\ntwo\nthree');
    expect((await call(world, '/a1?logs=2')).body).toMatchObject({ logs: expect.stringMatching(/^two\nthree/) });
  });

  test('DELETE cancels it; again is no error', async () => {
    const world = await started();
    expect(await call(world, '/a1', { method: 'DELETE' })).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect(world.cluster.jobs()).toEqual([]);
    expect(await call(world, '/a1', { method: 'DELETE' })).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    expect((await call(world, '/', json(FIELDS))).body).toMatchObject({ outcome: 'exists', state: 'cancelled' });
  });

  test('GET / lists the newest first, in pages, by state', async () => {
    const world = await startAggregate();
    for (const id of ['r1', 'r2', 'r3']) {
      await call(world, '/', json({ ...FIELDS, aggregationId: id, outputPath: `gs://models/${id}` }));
      world.advanceMs(60_000);
    }
    const first = await call(world, '/?limit=2');
    expect(first.body).toMatchObject({ runs: [{ aggregationId: 'r3', state: 'created' }, { aggregationId: 'r2' }] });
    const second = await call(world, `/?limit=2&pageToken=${String(first.body['nextPageToken'])}`);
    expect(second.body).toEqual({ runs: [expect.objectContaining({ aggregationId: 'r1' })] });
    expect((await call(world, '/?state=complete')).body).toEqual({ runs: [] });
  });
});

describe('Cloud Scheduler', () => {
  const { aggregationId: _id, ...body } = FIELDS;
  const tick = (at: string | null): Record<string, string> => ({
    ...tokenOf(SCHEDULER),
    'x-cloudscheduler': 'true',
    'x-cloudscheduler-jobname': 'nightly',
    ...(at !== null && { 'x-cloudscheduler-scheduletime': at }),
  });

  test('a tick is a scheduled run with its id; its retry exists', async () => {
    const world = await startAggregate();
    const { body: first } = await call(world, '/', json(body, tick('2026-11-22T03:00:00+01:00')));
    expect(first).toMatchObject({
      outcome: 'created',
      trigger: 'schedule',
      aggregationId: 'nightly-20261122-0200',
      schedule: { name: 'nightly' },
    });
    const { body: retry } = await call(world, '/', json(body, tick('2026-11-22T02:00:00Z')));
    expect(retry).toMatchObject({ outcome: 'exists' });
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test.each([null, '2026-11-22T02:01:00Z'])(
    'a forced run (tick %s) is a manual one, and swallows no tick',
    async (at) => {
      const world = await startAggregate();
      const own = { ...body, outputPath: 'gs://models/{date}-{time}' };
      const { body: forced } = await call(world, '/', json(own, tick(at)));
      expect(forced).toMatchObject({ trigger: 'http', aggregationId: 'nightly-manual-20261122-020000' });
      world.advanceMs(60_000);
      const { body: real } = await call(world, '/', json(own, tick('2026-11-22T02:01:00Z')));
      expect(real).toMatchObject({ outcome: 'created', aggregationId: 'nightly-20261122-0201' });
    },
  );

  test('a forced run’s retry is the same run, with a {tick} in the body as well; after its failure it is a new one', async () => {
    const world = await startAggregate();
    const own = { ...body, aggregationId: 'agg-{tick}', outputPath: 'gs://models/{tick}' };
    const { body: first } = await call(world, '/', json(own, tick(null)));
    expect(first).toMatchObject({ outcome: 'created', aggregationId: 'agg-manual-20261122-020000' });
    world.advanceMs(5 * 60_000);
    expect((await call(world, '/', json(own, tick(null)))).body).toMatchObject({
      outcome: 'exists',
      aggregationId: 'agg-manual-20261122-020000',
    });
    await call(world, '/agg-manual-20261122-020000', { method: 'DELETE' });
    expect((await call(world, '/', json(own, tick(null)))).body).toMatchObject({
      outcome: 'created',
      aggregationId: 'agg-manual-20261122-020500',
    });
    const { body: real } = await call(world, '/', json(own, tick('2026-11-22T02:00:00Z')));
    expect(real).toMatchObject({ outcome: 'created', aggregationId: 'agg-20261122-0200' });
  });

  test('a forced run of an id with the date alone is not the day’s tick', async () => {
    const world = await startAggregate();
    const own = { ...body, aggregationId: 'agg-{date}', outputPath: 'gs://models/{date}-{time}' };
    expect((await call(world, '/', json(own, tick(null)))).body).toMatchObject({
      aggregationId: 'agg-20261122-manual-20261122-020000',
    });
    const { body: real } = await call(world, '/', json(own, tick('2026-11-22T02:00:00Z')));
    expect(real).toMatchObject({ outcome: 'created', aggregationId: 'agg-20261122' });
  });

  test('placeholders of a tick and of its backfill are written in the time zone of the schedule', async () => {
    const schedules = [{ name: 'nightly', cron: '30 19 * * *', timeZone: 'America/New_York' }];
    const aggregator = { ...body, outputPath: 'gs://models/{schedule}/{date}' };
    const world = await startAggregate({ configuredValues: async () => ({ aggregator, schedules }) });
    const { body: run } = await call(world, '/', json({}, tick('2026-11-02T00:30:00Z')));
    expect(run).toMatchObject({
      aggregationId: 'nightly-20261101-1930',
      outputPath: 'gs://models/nightly/20261101',
    });
    const path = '/schedules/nightly/backfill?tick=2026-11-02T00:30:00Z';
    expect((await call(world, path, { method: 'POST' })).body).toMatchObject({
      outcome: 'exists',
      aggregationId: 'nightly-20261101-1930',
    });
  });

  test('placeholders stand for the tick', async () => {
    const world = await startAggregate();
    const paths = { ...body, outputPath: 'gs://models/{schedule}/{date}/{time}', aggregationId: 'agg-{tick}' };
    const { body: run } = await call(world, '/', json(paths, tick('2026-11-22T01:30:00Z')));
    expect(run).toMatchObject({ aggregationId: 'agg-20261122-0130', outputPath: 'gs://models/nightly/20261122/0130' });
  });

  test('the policy of the schedule in the values holds for its ticks and for runs by hand', async () => {
    const schedules = [{ name: 'nightly', cron: '0 2 * * *', concurrencyPolicy: 'Forbid' }];
    const world = await startAggregate({ configuredValues: async () => ({ schedules }) });
    await call(world, '/', json({ ...FIELDS, schedule: 'nightly' }));
    const { body: run } = await call(world, '/', json(body, tick('2026-11-22T02:00:00Z')));
    expect(run).toMatchObject({ outcome: 'skipped', state: 'skipped', why: expect.stringContaining('"a1"') });
  });

  test.each([
    ['from another account', { schedulerServiceAccount: SCHEDULER }, tokenOf('mallory@example.com')],
    ['from nobody', { schedulerServiceAccount: SCHEDULER }, {}],
    ['where no account is configured', { schedulerServiceAccount: undefined }, tokenOf(SCHEDULER)],
    [
      'from an account whose token Cloud Run did not verify',
      { schedulerServiceAccount: SCHEDULER },
      { ...tokenOf(SCHEDULER), 'x-serverless-authorization': tokenOf('mallory@example.com').authorization },
    ],
  ])('its headers %s are refused, and the tick is still free', async (_name, over, token) => {
    const world = await startAggregate(over);
    const { authorization: _own, ...headers } = tick('2026-11-22T02:00:00Z');
    const refused = await call(world, '/', json(body, { ...headers, ...token }));
    expect(refused).toMatchObject({ status: 403, body: { type: 'urn:tensorio-trigger:forbidden' } });
    expect(refused.body['detail']).toContain('SCHEDULER_SERVICE_ACCOUNT');
    expect(world.store.all('state')).toEqual([]);
  });

  test('a time that is none is refused', async () => {
    const world = await startAggregate();
    expect(await call(world, '/', json(body, tick('soon')))).toMatchObject({ status: 400 });
  });
});

describe('POST /sweep', () => {
  test('creates the Job of a claim that a killed instance left behind', async () => {
    const world = await startAggregate();
    await call(world, '/', json(FIELDS));
    const uri = parseGsUri('gs://state/runs/a1.json');
    const { job: _job, createdAt: _at, ...record } = JSON.parse(world.store.peek(uri)?.text ?? '');
    world.cluster.removeJob(NAMESPACE, 'flea-aggregator-a1');
    world.store.put(uri, JSON.stringify({ ...record, state: 'claimed' }), {
      metadata: { state: 'claimed', 'claimed-at': record.claimedAt },
    });
    expect((await call(world, '/sweep', { method: 'POST' })).body).toMatchObject({ started: 0, complete: true });
    world.advanceMs(120_000);
    expect((await call(world, '/sweep', { method: 'POST' })).body).toMatchObject({ started: 1, complete: true });
    expect((await call(world, '/a1')).body).toMatchObject({
      state: 'pending',
      steps: expect.arrayContaining([expect.objectContaining({ step: 'taken up by a sweep' })]),
    });
  });

  test('advances the tasks also where the runs of lists cannot be looked at', async () => {
    const aggregator = { ...FIELDS, checkpointsFilePath: undefined, outputPath: undefined, aggregationId: undefined };
    const uploads = 'gs://models/tasksJobs/{taskId}/{jobId}.zip';
    const outputPath = 'gs://models/averages/{taskId}/{round}/{attempt}';
    const values = JSON.parse(JSON.stringify({ aggregator, rounds: [{ uploads, outputPath, reportGoal: 1 }] }));
    const world = await startAggregate(
      { configuredValues: async () => values },
      {
        store: (store) => ({
          ...store,
          list: async (options) => {
            if (options.prefix === 'runs/') throw new UnavailableError('no listing of runs today');
            return store.list(options);
          },
        }),
      },
    );
    world.store.put(parseGsUri('gs://models/tasksJobs/mnist/a.zip'), 'update');
    const swept = await call(world, '/sweep', { method: 'POST' });
    expect(swept).toMatchObject({ status: 503, body: { detail: expect.stringContaining('no listing of runs today') } });
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('writes down an end before the Job’s TTL removes it', async () => {
    const world = await startAggregate();
    await call(world, '/', json(FIELDS));
    world.cluster.completeJob(NAMESPACE, 'flea-aggregator-a1');
    expect((await call(world, '/sweep', { method: 'POST' })).body).toMatchObject({ settled: 1 });
    world.cluster.removeJob(NAMESPACE, 'flea-aggregator-a1');
    expect((await call(world, '/a1')).body).toMatchObject({ state: 'complete' });
  });
});

describe('missed ticks', () => {
  const { aggregationId: _id, ...aggregator } = FIELDS;
  const start = () =>
    startAggregate({
      configuredValues: async () => ({ aggregator, schedules: [{ name: 'nightly', cron: '0 * * * *' }] }),
    });
  const sweep = async (world: AggregateWorld) => (await call(world, '/sweep', { method: 'POST' })).body;

  test('start anew when the schedule changes', async () => {
    let cron = '0 3 * * *';
    const { aggregationId: _given, ...aggregator } = FIELDS;
    const world = await startAggregate({
      configuredValues: async () => ({ aggregator, schedules: [{ name: 'nightly', cron }] }),
    });
    await sweep(world);
    world.advanceMs(10 * 3_600_000);
    cron = '*/5 * * * *';
    expect((await call(world, '/schedules')).body).toMatchObject({ schedules: [{ expected: 0, missing: [] }] });
    expect(await sweep(world)).toMatchObject({ missedTicks: 0 });
    expect(await sweep(world)).toMatchObject({ missedTicks: 0 });
    world.advanceMs(11 * 60_000);
    expect(await sweep(world)).toMatchObject({ missedTicks: 1 });
  });

  test('are reported once by the sweep, listed, and run by a backfill', async () => {
    const world = await start();
    expect(await sweep(world)).toMatchObject({ missedTicks: 0 });
    world.advanceMs(2 * 3_600_000);
    expect((await call(world, '/schedules')).body).toMatchObject({
      schedules: [
        {
          name: 'nightly',
          expected: 1,
          ran: 0,
          missing: ['2026-11-22T03:00:00.000Z'],
          nextTick: '2026-11-22T05:00:00.000Z',
        },
      ],
    });
    expect(await sweep(world)).toMatchObject({ missedTicks: 1 });
    expect(await sweep(world)).toMatchObject({ missedTicks: 0 });
    expect(world.lines).toContainEqual(
      expect.objectContaining({ severity: 'ERROR', schedule: 'nightly', missedTick: true }),
    );
    const { body } = await call(world, '/schedules/nightly/backfill?tick=2026-11-22T03:00:00Z', { method: 'POST' });
    expect(body).toMatchObject({ outcome: 'created', aggregationId: 'nightly-20261122-0300', trigger: 'schedule' });
    expect((await call(world, '/schedules')).body).toMatchObject({ schedules: [{ expected: 1, ran: 1, missing: [] }] });
  });

  test.each([
    ['/schedules/nightly/backfill', 400, /tick/],
    ['/schedules/nightly/backfill?tick=2026-11-22T01:30:00Z', 400, /not a past tick/],
    ['/schedules/nightly/backfill?tick=2027-01-01T00:00:00Z', 400, /not a past tick/],
    ['/schedules/weekly/backfill?tick=2026-11-22T01:00:00Z', 404, /no schedule "weekly"/],
  ])('%s is %i', async (path, status, words) => {
    const reply = await call(await start(), path, { method: 'POST' });
    expect(reply.status).toBe(status);
    expect(String(reply.body['detail'])).toMatch(words);
  });
});
