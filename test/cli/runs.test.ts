import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LIST, NAMESPACE } from '../helpers/launch-world.ts';
import { startAggregate } from '../functions/world.ts';
import type { Received } from './harness.ts';
import { json, makeFolder, serve, startTio, tio, VERSION } from './harness.ts';

const runOf = (state: string) => ({
  aggregationId: 'a1',
  state,
  why: `It is ${state}.`,
  outputPath: 'gs://models/out',
  job: { namespace: 'models', name: 'a1' },
});

const problem = (status: number, over: object = {}) => ({
  type: 'urn:tensorio-trigger:x',
  title: 'The title',
  status,
  detail: 'The detail.',
  ...over,
});

/** A function whose run goes through `states`, one for each GET; the last one stays. */
const serveRun = (...states: readonly string[]) => {
  let at = 0;
  return serve(({ method }, res) => {
    if (method === 'POST') return json(res, 201, { outcome: 'created', ...runOf('created') });
    const state = states[Math.min(at, states.length - 1)] ?? '';
    at += 1;
    json(res, 200, runOf(state), { etag: `"${state}"` });
  });
};

describe('exit codes', () => {
  test.each([
    [400, 2],
    [401, 5],
    [403, 5],
    [404, 1],
    [409, 4],
    [422, 1],
    [424, 3],
    [503, 5],
  ])('an answer of %i is exit code %i; -o json prints the problem document', async (status, code) => {
    const missing = status === 424 ? { missing: [{ command: 'kubectl create secret generic sacred' }] } : {};
    const { env, requests } = await serve((_request, res) => json(res, status, problem(status, missing)));
    const result = await tio(['run', '-o', 'json'], { env });
    expect(result.code).toBe(code);
    expect(JSON.parse(result.stdout)).toEqual(problem(status, missing));
    expect(result.stderr).toContain('Error: The title: The detail.');
    expect(result.stderr.includes('\n  kubectl create secret generic sacred')).toBe(status === 424);
    // What may have taken effect is not repeated.
    expect(requests).toHaveLength(1);
  });

  test.each([
    [['frobnicate'], /unknown command/],
    [['run', '--colour'], /unknown option/],
    [['run', '-f', '/nowhere/values.yaml'], /-f \/nowhere\/values.yaml cannot be read/],
    [['run', '-o', 'xml'], /Allowed choices are table/],
    [['run', '--timeout', 'soon'], /Write a duration such as 90s/],
    [['get', 'pods'], /"pods" is not a kind. Kinds: runs, tasks/],
    [['get', 'runs'], /The address of aggregate is not known. Set TIO_AGGREGATE_URL/],
    [['backfill', 'nightly'], /--tick/],
  ])('%j is exit code 2', async (args, words) => {
    const result = await tio(args);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(words);
  });

  test('a function that is not there is exit code 5, in JSON, too', async () => {
    const env = { TIO_AGGREGATE_URL: 'http://127.0.0.1:1' };
    const result = await tio(['run', '-o', 'json'], { env });
    expect(result.code).toBe(5);
    expect(JSON.parse(result.stdout)).toMatchObject({ detail: expect.stringContaining('cannot be reached') });
  });

  test('help and version are exit code 0; the help lists the exit codes', async () => {
    const help = await tio(['--help']);
    expect(help.code).toBe(0);
    for (const code of ['0', '1', '2', '3', '4', '5', '124', '130'])
      expect(help.stdout).toMatch(new RegExp(`^ +${code} `, 'm'));
    expect(await tio(['version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
  });
});

describe('run --wait', () => {
  test('prints progress to stderr and the result to stdout', async () => {
    const { env, requests } = await serveRun('created', 'running', 'complete');
    const result = await tio(['run', '--wait', '--set', 'aggregator.tag=1.0'], { env });
    expect(result).toMatchObject({ code: 0, stdout: 'a1 complete: It is complete.\n  output: gs://models/out\n' });
    expect(result.stderr).toMatch(/^a1 created: It is created\.\n/);
    expect(result.stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z a1 running: It is running\.$/m);
    expect(requests[0]?.query.get('set')).toBe('aggregator.tag=1.0');
    // After the first answer, each call is a blocking query.
    expect(requests.slice(1).map(({ query }) => query.get('index'))).toEqual([null, '"created"', '"running"']);
    expect(requests.at(-1)?.query.get('wait')).toBe('30s');
  });

  test('-o json prints the final record alone', async () => {
    const { env } = await serveRun('complete');
    const result = await tio(['run', '--wait', '-o', 'json'], { env });
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toEqual(runOf('complete'));
  });

  test('a run that fails is exit code 1, with its record', async () => {
    const { env } = await serveRun('running', 'failed');
    const result = await tio(['run', '--wait', '-o', 'json'], { env });
    expect(result.code).toBe(1);
    expect(JSON.parse(result.stdout)).toEqual(runOf('failed'));
    expect(result.stderr).toContain('Error: a1 failed: It is failed.');
  });

  test('a run that is still running at the timeout is exit code 124, with its record and the command that resumes', async () => {
    const { env } = await serveRun('running');
    const result = await tio(['run', '--timeout', '1s', '-o', 'json'], { env });
    expect(result.code).toBe(124);
    expect(JSON.parse(result.stdout)).toEqual(runOf('running'));
    expect(result.stderr).toContain('Resume: tio wait a1');
  });

  test('Ctrl-C detaches: exit code 130, and the printed command resumes', async () => {
    let isOver = false;
    const { env } = await serve(({ method }, res) => {
      if (method === 'POST') return json(res, 201, runOf('created'));
      json(res, 200, runOf(isOver ? 'complete' : 'running'), { etag: `"${isOver}"` });
    });
    const running = await startTio(['run', '--wait', '-o', 'json'], { env });
    await expect.poll(running.stderr, { timeout: 60_000 }).toContain('a1 running');
    running.interrupt();
    const detached = await running.result;
    expect(detached.code).toBe(130);
    expect(JSON.parse(detached.stdout)).toEqual(runOf('running'));
    const [, resume = ''] = /Resume: tio (.*)/.exec(detached.stderr) ?? [];
    isOver = true;
    expect(await tio(resume.split(' '), { env })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('complete'),
    });
  });

  test('a read that fails for a moment is repeated', async () => {
    let calls = 0;
    const { env } = await serve((_request, res) => {
      calls += 1;
      if (calls === 1) return void res.destroy();
      if (calls === 2) return json(res, 503, problem(503));
      json(res, 200, runOf('complete'));
    });
    expect(await tio(['wait', 'a1'], { env })).toMatchObject({ code: 0 });
  });
});

describe('values', () => {
  const posted = async (args: readonly string[], stdin = ''): Promise<Received | undefined> => {
    const { env, requests } = await serve((_request, res) => json(res, 201, runOf('created')));
    expect(await tio(['run', ...args], { env, stdin })).toMatchObject({ code: 0 });
    return requests[0];
  };

  test('one file is sent as it is, with its comments', async () => {
    expect((await posted(['-f', '-'], '# a comment\naggregator: {tag: "1.0"}\n'))?.body).toBe(
      '# a comment\naggregator: {tag: "1.0"}\n',
    );
  });

  test('several files are documents of one stream, in their order', async () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'a.yaml'), 'aggregator:\n  tag: 1.0\n  env: {A: 1, B: 2}\nnamespace: x\n');
    writeFileSync(join(folder, 'b.yaml'), 'aggregator:\n  env: {B: 3}\n');
    writeFileSync(join(folder, 'note.txt'), 'hello\n');
    const body = (
      await posted([
        '-f',
        join(folder, 'a.yaml'),
        '-f',
        join(folder, 'b.yaml'),
        '--set-file',
        `aggregator.note=${join(folder, 'note.txt')}`,
      ])
    )?.body;
    expect(body).toBe(
      'aggregator:\n  tag: 1.0\n  env: {A: 1, B: 2}\nnamespace: x\n---\naggregator:\n  env: {B: 3}\n---\n{"aggregator":{"note":"hello\\n"}}\n',
    );
  });
});

describe('logs', () => {
  test('are printed without their times, and a stream that breaks off is opened again behind the last line', async () => {
    const { env, requests } = await serve(({ query }, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' });
      if (query.has('after')) return void res.end('2026-01-01T00:00:02Z two\n');
      res.write('2026-01-01T00:00:01Z one\n', () => setTimeout(() => res.destroy(), 50));
    });
    expect(await tio(['logs', '-f', 'a1'], { env })).toMatchObject({ code: 0, stdout: 'one\ntwo\n', stderr: '' });
    expect(requests.map(({ path, query }) => [path, query.get('after')])).toEqual([
      ['/a1/logs', null],
      ['/a1/logs', '2026-01-01T00:00:01Z'],
    ]);
  });

  test('of a round have its path', async () => {
    const { env, requests } = await serve((_request, res) => res.end(''));
    await tio(['logs', 'mnist/3', '--tail', '5'], { env });
    expect(requests[0]).toMatchObject({ path: '/tasks/mnist/rounds/3/logs' });
    expect(requests[0]?.query.get('tail')).toBe('5');
  });
});

describe('calls', () => {
  test.each([
    [['start', 'mnist', '--force'], 'POST /tasks/mnist?force=true'],
    [['redrive', 'mnist', '3', '--without', 'a', 'b'], 'POST /tasks/mnist/rounds/3/redrive?without=a&without=b'],
    [['cancel', 'a1'], 'DELETE /a1?'],
    [['cancel', 'mnist/3'], 'DELETE /tasks/mnist/rounds/3?'],
    [['sweep', '--dry-run'], 'POST /sweep?dryRun=true'],
    [
      ['backfill', 'nightly', '--tick', '2026-11-22T02:00:00Z'],
      'POST /schedules/nightly/backfill?tick=2026-11-22T02%3A00%3A00Z',
    ],
    [['why', 'task/mnist'], 'GET /tasks/mnist?'],
    [['get', 'rounds', 'mnist'], 'GET /tasks/mnist?'],
    [['rollback', 'demo', '2', '--timeout', '5m'], 'POST /demo/rollback?timeoutSec=300&revision=2'],
    [['deploy', 'demo', '--dry-run', '--force-conflicts'], 'POST /demo?dryRun=server&force=true'],
    [['diff', 'demo'], 'GET /demo/diff?'],
    [['uninstall', 'demo', '--keep', '--dry-run'], 'DELETE /demo?keep=true&dryRun=true'],
    [['get', 'values', 'demo', '--revision', '2'], 'GET /demo/values?revision=2'],
    [['template', 'demo', '--set', 'a=b'], 'POST /demo?set=a%3Db&dryRun=client'],
  ])('tio %j', async (args, expected) => {
    const { env, requests } = await serve((_request, res) => json(res, 200, { decision: { reason: 'because' } }));
    expect(await tio(args, { env })).toMatchObject({ code: 0 });
    expect(requests.map(({ method, path, query }) => `${method} ${path}?${query}`)).toEqual([expected]);
  });
});

describe('the function aggregate', () => {
  const VALUES = `aggregator:
  repository: docai/flea-aggregator
  tag: "1.0"
  aggregationId: a1
  checkpointsFilePath: ${LIST}
  outputPath: gs://models/out
  aggregationType: cma
  serviceAccount: {secret: sacred, key: sacred.json, mountPath: /etc/sacred}
`;

  test('is run, waited for, listed and explained', async () => {
    const { url, cluster } = await startAggregate();
    const env = { TIO_AGGREGATE_URL: url };
    const running = await startTio(['run', '-f', '-', '--wait', '--logs'], { env, stdin: VALUES });
    await expect.poll(() => cluster.jobs().length, { timeout: 60_000 }).toBe(1);
    cluster.setLog(NAMESPACE, cluster.pods()[0]?.metadata?.name ?? '', 'aggregator', 'averaging\n');
    cluster.completeJob(NAMESPACE, 'flea-aggregator-a1');
    const result = await running.result;
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^a1 complete: /) });
    expect(result.stderr).toContain('averaging\n');
    expect((await tio(['get', 'runs'], { env })).stdout).toMatch(/^NAME +STATE +TRIGGER +AGE\na1 +complete +http +/);
    expect(await tio(['get', 'runs', '-o', 'name'], { env })).toMatchObject({ stdout: 'a1\n' });
    expect((await tio(['get', 'run', 'a1', '-o', 'yaml'], { env })).stdout).toContain('aggregationId: a1\n');
    expect(await tio(['run', '-f', '-'], { env, stdin: VALUES })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('(exists)'),
    });
    expect(await tio(['run', '-f', '-', '--set', 'aggregator.tag=2'], { env, stdin: VALUES })).toMatchObject({
      code: 4,
    });
    expect(await tio(['why', 'nothing'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no run'),
    });
  });
});
