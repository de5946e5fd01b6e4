import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { startFunctionProcess } from '../../infra/local/function-process.ts';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { writeKubeconfig } from '../../infra/local/kubeconfig.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import { BUCKETS } from '../../infra/local/stack.ts';
import { bundleFunctions } from '../e2e/helpers/bundle.ts';
import type { FunctionName } from './inputs.ts';
import { FUNCTIONS, inputs } from './inputs.ts';
import { problemWith, send } from './send.ts';

/**
 * `npm run fuzz -- --inputs 20000 [--seed N]`: sends generated requests to the built bundle of each function on the
 * embedded stack. Each answer comes in time, is no 5xx, and is JSON or a problem document without HTML or a stack; the
 * bucket and the cluster are unchanged at the end. A failure is reduced to its smallest input, and its seed is printed.
 */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const total = Number(values.inputs);
const seed = Number(values.seed);

const startAll = async (ending: AsyncDisposableStack) => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-fuzz-'));
  ending.defer(() => rmSync(folder, { recursive: true, force: true }));
  const source = await bundleFunctions();
  const gcs = await startGcs({ buckets: Object.values(BUCKETS) });
  ending.defer(() => gcs.close());
  const kubernetes = await startKubernetes({});
  ending.defer(() => kubernetes.close());
  const kubeconfig = join(folder, 'kubeconfig');
  writeKubeconfig(kubeconfig, kubernetes.url);
  const env = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    STATE_URI: `gs://${BUCKETS.state}/state`,
    STORAGE_API_ENDPOINT: gcs.url,
    KUBECONFIG: kubeconfig,
    ALLOWED_BUCKETS: Object.values(BUCKETS).join(','),
    SCHEDULER_SERVICE_ACCOUNT: 'scheduler@example.com',
  };
  const lines: string[] = [];
  const started = await Promise.all(
    FUNCTIONS.map(async (target) => {
      const served = await startFunctionProcess({ target, source, env, onLine: (line) => void lines.push(line) });
      ending.defer(() => served.close());
      return [target, served.url] as const;
    }),
  );
  const urls = new Map<FunctionName, string>(started);
  const objects = async (): Promise<string> => {
    const buckets = Object.values(BUCKETS).map(async (bucket) => {
      const response = await fetch(`${gcs.url}/storage/v1/b/${bucket}/o`);
      return `${bucket}: ${await response.text()}`;
    });
    return (await Promise.all(buckets)).join('\n');
  };
  const written = async (): Promise<string> => {
    const paths = ['/apis/batch/v1/jobs', '/apis/apps/v1/deployments', '/api/v1/services', '/api/v1/configmaps'];
    const lists = paths.map(async (path) => {
      const list: unknown = await (await fetch(`${kubernetes.url}${path}`)).json();
      return typeof list === 'object' && list !== null && 'items' in list ? JSON.stringify(list.items) : '';
    });
    return [await objects(), ...(await Promise.all(lists))].join('\n');
  };
  return { urls, lines, written };
};

const fuzz = async (): Promise<void> => {
  await using ending = new AsyncDisposableStack();
  const { urls, lines, written } = await startAll(ending);
  const before = await written();
  process.stdout.write(`fuzz: ${total} inputs, seed ${seed}\n`);
  const statuses = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      lines.length = 0;
      const answer = await send(urls.get(input.target) ?? '', input);
      const problem = problemWith(answer);
      if (problem !== null)
        throw new Error(`${problem}\n${answer.text.slice(0, 2_000)}\n${lines.join('\n').slice(0, 4_000)}`);
      const key = `${input.target} ${answer.status}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }),
    { numRuns: total, seed, endOnFailure: false },
  );
  const after = await written();
  if (after !== before) throw new Error(`Something was written.\nbefore: ${before}\nafter: ${after}`);
  for (const [key, count] of [...statuses].toSorted(([a], [b]) => a.localeCompare(b)))
    process.stdout.write(`  ${key}: ${count}\n`);
  process.stdout.write('ok\n');
};

await fuzz();
