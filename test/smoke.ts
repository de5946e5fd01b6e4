import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startFunctionProcess } from '../infra/local/function-process.ts';
import { startGcs } from '../infra/local/gcs/server.ts';
import { writeKubeconfig } from '../infra/local/kubeconfig.ts';
import { startKubernetes } from '../infra/local/kubernetes/server.ts';

/**
 * A smoke run of what is deployed: `dist/` copied elsewhere, its dependencies installed by its own lock file as the
 * platform does it, each function served by that framework. Needs `npm run build` first.
 */
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const FRAMEWORK = 'node_modules/@google-cloud/functions-framework/build/src/main.js';
const printed: string[] = [];
const ends: (() => Promise<void>)[] = [];

const check = (what: string, isGood: boolean, seen: unknown): void => {
  if (!isGood) throw new Error(`${what}: ${JSON.stringify(seen)}\n${printed.slice(-5).join('\n')}`);
  process.stdout.write(`ok  ${what}\n`);
};

const serve = async (folder: string, target: string, env: Record<string, string>): Promise<string> => {
  const started = await startFunctionProcess({
    target,
    env,
    source: join(folder, 'index.js'),
    framework: join(folder, FRAMEWORK),
    onLine: (line) => void printed.push(line),
  });
  ends.push(() => started.close());
  return started.url;
};

const post = async (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> => {
  const init = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
};

const smoke = async (folder: string): Promise<void> => {
  const storage = await startGcs({ buckets: ['smoke-bucket'] });
  const kubernetes = await startKubernetes({});
  ends.push(
    () => storage.close(),
    () => kubernetes.close(),
  );
  const kubeconfig = join(folder, 'kubeconfig');
  writeKubeconfig(kubeconfig, kubernetes.url);
  const env = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    STATE_URI: 'gs://smoke-bucket/state',
    ALLOWED_BUCKETS: 'smoke-bucket',
    KUBECONFIG: kubeconfig,
    STORAGE_API_ENDPOINT: storage.url,
  };
  const upload = `${storage.url}/upload/storage/v1/b/smoke-bucket/o?uploadType=media&name=list.txt`;
  await fetch(upload, { method: 'POST', body: 'gs://smoke-bucket/update\n' });
  const aggregate = await serve(folder, 'aggregate', env);
  const run = {
    aggregationId: 'smoke',
    repository: 'docai/flea-aggregator',
    tag: '1',
    checkpointsFilePath: 'gs://smoke-bucket/list.txt',
    outputPath: 'gs://smoke-bucket/out',
    aggregationType: 'cma',
  };
  const created = await post(aggregate, run);
  check('aggregate creates a Job', created.status === 201, created);
  const again = await post(aggregate, run);
  check('the same again exists', again.status === 200 && again.text.includes('"exists"'), again);
  const refused = await post(aggregate, { tga: 1 });
  check(
    'a wrong field is a problem document',
    refused.status === 400 && refused.text.includes('did you mean'),
    refused,
  );
  const onCheckpoint = await serve(folder, 'onCheckpoint', env);
  const event = await post(
    onCheckpoint,
    { bucket: 'smoke-bucket', name: 'other', generation: '1' },
    {
      'ce-id': '1',
      'ce-source': '//storage',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.storage.object.v1.finalized',
    },
  );
  check('onCheckpoint acknowledges an upload', event.status === 204, event);
  const deploy = await serve(folder, 'deploy', env);
  const releases = await fetch(deploy);
  check('deploy lists its releases', releases.status === 200, { status: releases.status, text: await releases.text() });
};

const folder = mkdtempSync(join(tmpdir(), 'tensorio-smoke-'));
try {
  cpSync(dist, folder, { recursive: true });
  writeFileSync(join(folder, '.npmrc'), 'loglevel=error\n');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  await smoke(folder);
} finally {
  for (const end of ends.toReversed()) await end();
  rmSync(folder, { recursive: true, force: true });
}
