import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startDeploy } from '../functions/deploy-world.ts';
import { json, serve, startTio, tio } from './harness.ts';

const ANSWER = { outcome: 'deployed', release: 'demo', revision: 1, notes: ['Open the address.'] };

test('the progress of a deploy goes to stderr, its answer to stdout', async () => {
  const { env, requests } = await serve((_request, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.write('{"event":"applied","time":"2026-01-01T00:00:00Z","message":"Deployment flea applied"}\n{"event":"hea');
    res.end(`rtbeat","time":"t"}\n${JSON.stringify({ event: 'end', status: 201, answer: ANSWER })}\n`);
  });
  const result = await tio(['deploy', 'demo'], { env });
  expect(result).toMatchObject({ code: 0, stdout: 'demo revision 1 deployed\n  Open the address.\n' });
  expect(result.stderr).toBe('2026-01-01T00:00:00Z Deployment flea applied\n');
  expect(requests[0]?.headers.accept).toContain('application/x-ndjson');
});

test('a release that failed is exit code 1, and -o json prints the problem document', async () => {
  const failed = {
    type: 'urn:tensorio-trigger:rolled-back',
    title: 'The release failed',
    status: 502,
    detail: 'It crashed.',
  };
  const { env } = await serve((_request, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    res.end(`${JSON.stringify({ event: 'end', status: 502, answer: failed })}\n`);
  });
  const result = await tio(['deploy', 'demo', '-o', 'json'], { env });
  expect(result).toMatchObject({ code: 1, stderr: 'Error: The release failed: It crashed.\n' });
  expect(JSON.parse(result.stdout)).toEqual(failed);
});

test('a stream without its end is exit code 5 and names the command that shows the state', async () => {
  const { env } = await serve(
    (_request, res) => void res.writeHead(200, { 'content-type': 'application/x-ndjson' }).end('{}\n'),
  );
  expect(await tio(['deploy', 'demo'], { env })).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('tio status demo'),
  });
});

test('Ctrl-C during a deploy detaches and names the command that shows the state', async () => {
  let isCalled = false;
  const { env } = await serve(() => void (isCalled = true));
  const running = await startTio(['deploy', 'demo'], { env });
  await expect.poll(() => isCalled, { timeout: 60_000 }).toBe(true);
  running.interrupt();
  expect(await running.result).toMatchObject({ code: 130, stderr: expect.stringContaining('tio status demo') });
});

test('diff --exit-code is 1 where there is a difference', async () => {
  const { env } = await serve(
    (_request, res) => void res.writeHead(200, { 'content-type': 'text/plain' }).end('-a\n+b\n'),
  );
  expect(await tio(['diff', 'demo'], { env })).toMatchObject({ code: 0, stdout: '-a\n+b\n' });
  expect(await tio(['diff', 'demo', '--exit-code'], { env })).toMatchObject({ code: 1, stdout: '-a\n+b\n' });
});

test('history is a table', async () => {
  const revisions = [
    { revision: 2, status: 'deployed', createdAt: 't', images: ['a:1', 'b:2'], description: 'Upgrade' },
  ];
  const { env } = await serve((_request, res) => json(res, 200, { revisions }));
  expect((await tio(['history', 'demo'], { env })).stdout).toBe(
    'REVISION   UPDATED   STATUS     IMAGES    DESCRIPTION\n2          t         deployed   a:1,b:2   Upgrade\n',
  );
});

test('lint prints the warnings', async () => {
  const { env, requests } = await serve((_request, res) => json(res, 200, { warnings: ['No limits.'] }));
  expect(await tio(['lint', '--set', 'a=b'], { env })).toMatchObject({ code: 0, stderr: 'warning: No limits.\n' });
  expect(requests[0]?.query.get('dryRun')).toBe('client');
});

test('the function deploy is called, listed, read and undone', async () => {
  const { url } = await startDeploy();
  const env = { TIO_DEPLOY_URL: url };
  const basic = fileURLToPath(new URL('../../infra/examples/values.basic.yaml', import.meta.url));
  const values = ['-f', basic, '--set', 'repository.deployment.tag=ok,flea.deployment.tag=ok'];
  const deployed = await tio(['deploy', 'demo', ...values, '--description', 'First'], { env });
  expect(deployed).toMatchObject({ code: 0, stdout: expect.stringContaining('demo revision 1 deployed') });
  expect(deployed.stderr).toMatch(/^\d{4}-\S+Z POST \/demo\n/);
  expect((await tio(['get', 'releases'], { env })).stdout).toMatch(
    /^NAME +NAMESPACE +REVISION +STATUS +UPDATED\ndemo +/,
  );
  expect((await tio(['get', 'manifest', 'demo'], { env })).stdout).toMatch(/^---\napiVersion: /);
  expect((await tio(['template', 'demo', ...values], { env })).stdout).toMatch(/^---\napiVersion: /);
  expect((await tio(['uninstall', 'demo'], { env })).stdout).toContain('uninstalled');
});
