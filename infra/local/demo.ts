import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, Reply } from './demo/client.ts';
import { createClient } from './demo/client.ts';
import type { Comparison } from './demo/compare.ts';
import { compareAverage } from './demo/compare.ts';
import { ROUND_VALUES, showRounds } from './demo/rounds.ts';
import { showRelease } from './demo/release.ts';
import { createTerminal } from './demo/terminal.ts';
import type { Terminal } from './demo/terminal.ts';
import type { Expected, Uploaded } from './demo/updates.ts';
import { readExpected, uploadUpdates } from './demo/updates.ts';
import type { Stack } from './stack.ts';
import { BUCKETS, startStack } from './stack.ts';

/** `npm run demo`: from device updates to their average, on this machine. */

const DATA = join(tmpdir(), 'tensorio-demo');
const VALUES_FILE = join(DATA, 'values.yaml');
const SWEEP_MS = 1_000;
const TOLERANCE = 1e-5;
const POLL_MS = 200;
const RUN_MS = 120_000;

interface Result {
  readonly id: string;
  readonly largestError: number;
}

const terminal = createTerminal(process.stdout);

function valuesFor(id: string, { list }: Uploaded, type: string): string {
  return `aggregator:
  repository: docai/flea-aggregator
  tag: "1.0"
  aggregationId: ${id}
  checkpointsFilePath: ${list}
  outputPath: gs://${BUCKETS.models}/${id}
  aggregationType: ${type}
  serviceAccount: {secret: sacred, key: sacred.json, mountPath: /etc/sacred}
`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function lastLine(text: unknown): string {
  return typeof text === 'string' ? (text.trim().split('\n').at(-1) ?? '') : '';
}

async function follow(client: Client, terminal: Terminal, id: string): Promise<Reply> {
  for (const end = Date.now() + RUN_MS; Date.now() < end; await sleep(POLL_MS)) {
    const run = await client.get(`/${id}?logs=1`);
    const { state, why, logs } = run.body;
    if (state === 'complete') return run;
    if (state === 'failed' || state === 'gone' || run.status !== 200)
      throw new Error(`Run ${id}: ${JSON.stringify(run.body)}`);
    terminal.progress(`${String(state)}: ${lastLine(logs) || String(why)}`);
  }
  throw new Error(`Run ${id} did not finish within ${RUN_MS / 1000} s`);
}

async function missingSecret(client: Client, terminal: Terminal, values: string): Promise<void> {
  terminal.title('1. A Secret is missing: the call fails before anything is written');
  terminal.command('curl $AGGREGATE --data-binary @values.yaml');
  const refused = await client.post('/', values);
  if (refused.status !== 424) throw new Error(`expected 424, got ${refused.status} ${JSON.stringify(refused.body)}`);
  terminal.bad(`${refused.status} ${String(refused.body['detail'])}`);
  const [missing] = Array.isArray(refused.body['missing']) ? refused.body['missing'] : [];
  terminal.command(String(missing?.command));
  await client.createSecret('default', 'sacred', {
    'sacred.json': '{"type":"service_account","comment":"of the demo"}',
  });
  terminal.good('created');
}

function number(value: number | undefined): string {
  return (value ?? Number.NaN).toFixed(6).padStart(10);
}

function printComparison(terminal: Terminal, comparison: readonly Comparison[]): void {
  terminal.line(
    `  ${'variable'.padEnd(14)} ${'shape'.padEnd(10)} ${'average'.padStart(10)} ${'expected'.padStart(10)}   largest error`,
  );
  for (const { name, shape, actual, expected, largestError } of comparison) {
    const shapeText = `[${shape.join(',')}]`.padEnd(10);
    terminal.line(
      `  ${name.padEnd(14)} ${shapeText} ${number(actual[0])} ${number(expected[0])}   ${largestError.toExponential(1)}`,
    );
  }
}

async function aggregateFirst(client: Client, terminal: Terminal, values: string, id: string): Promise<void> {
  terminal.title('2. The same call again: a Job averages the updates');
  terminal.command('curl $AGGREGATE --data-binary @values.yaml');
  const created = await client.post('/', values);
  if (created.status !== 201) throw new Error(`expected 201, got ${created.status} ${JSON.stringify(created.body)}`);
  const { job, updates, outputPath } = created.body;
  terminal.good(
    `${created.status} ${String(created.body['outcome'])}: Job ${JSON.stringify(job)}, ${String(updates)} updates -> ${String(outputPath)}`,
  );
  const done = await follow(client, terminal, id);
  terminal.good(`complete: ${lastLine(done.body['logs'])}`);
  const again = await client.post('/', values);
  terminal.good(`${again.status} ${String(again.body['outcome'])} (the same call again: nothing is created twice)`);
}

async function runOne(
  client: Client,
  terminal: Terminal,
  expected: Expected,
  uploaded: Uploaded,
  type: 'cma' | 'wcma',
): Promise<Result> {
  const id = `${uploaded.layout}-${type}`;
  const values = valuesFor(id, uploaded, type);
  const isFirst = id === 'bundles-wcma';
  if (isFirst) {
    await missingSecret(client, terminal, values);
    await aggregateFirst(client, terminal, values, id);
  } else {
    const created = await client.post('/', values);
    if (created.status !== 201) throw new Error(`expected 201, got ${created.status} ${JSON.stringify(created.body)}`);
    await follow(client, terminal, id);
  }
  const comparison = await compareAverage(client, BUCKETS.models, id, expected[type]);
  if (isFirst) printComparison(terminal, comparison);
  const largestError = Math.max(...comparison.map((one) => one.largestError));
  // NaN (the variable is missing) must not pass.
  if (!(largestError <= TOLERANCE))
    throw new Error(`${id}: the largest error is ${largestError}, more than ${TOLERANCE}`);
  return { id, largestError };
}

function lookAround(terminal: Terminal, stack: Stack, task: string): void {
  terminal.title('Look around: start the stack again on the data of the demo, then run');
  for (const command of [
    `npm start -- --data ${DATA} --values ${VALUES_FILE} --port-base 18080`,
    `kubectl --kubeconfig ${stack.kubeconfig} get jobs,pods`,
    `kubectl --kubeconfig ${stack.kubeconfig} describe job flea-aggregator-bundles-wcma`,
    `curl -s http://127.0.0.1:18080/bundles-wcma`,
    `curl -s http://127.0.0.1:18080/tasks/${task}`,
    'curl -s http://127.0.0.1:18082/models',
    `CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE=http://127.0.0.1:18084/storage/v1/ CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true CLOUDSDK_CORE_PROJECT=local gcloud storage ls -r gs://${BUCKETS.models}`,
  ]) {
    terminal.command(command);
  }
}

async function demo(terminal: Terminal, stack: Stack): Promise<void> {
  const client = createClient({
    aggregate: stack.aggregate.url,
    deploy: stack.deploy.url,
    kubernetes: stack.kubernetesUrl,
    storage: stack.storageUrl,
  });
  const expected = await readExpected();
  const [bundles, directories] = await uploadUpdates(client, expected);
  if (bundles === undefined || directories === undefined) throw new Error('no updates were uploaded');
  terminal.line(`  ${bundles.updates} device updates of task ${expected.task} uploaded, as bundles and as directories`);
  const results = [await runOne(client, terminal, expected, bundles, 'wcma')];
  terminal.title('3. The other aggregation type, and the other layout of updates');
  for (const [uploaded, type] of [
    [bundles, 'cma'],
    [directories, 'wcma'],
    [directories, 'cma'],
  ] as const) {
    results.push(await runOne(client, terminal, expected, uploaded, type));
  }
  for (const { id, largestError } of results)
    terminal.good(`${id.padEnd(18)} largest error ${largestError.toExponential(1)}`);
  await showRounds(client, terminal, expected, TOLERANCE);
  await showRelease(client, terminal);
  lookAround(terminal, stack, expected.task);
}

terminal.title('tensorio-trigger: from device updates to their average, on this machine');
rmSync(DATA, { recursive: true, force: true });
mkdirSync(DATA, { recursive: true });
writeFileSync(VALUES_FILE, ROUND_VALUES);
const startedAt = Date.now();
const printed: string[] = [];
const stack = await startStack({
  dataDir: DATA,
  valuesFile: VALUES_FILE,
  sweepMs: SWEEP_MS,
  onLine: (source, line) => void printed.push(`${source}: ${line}`),
});
terminal.line(
  `  local stack ready in ${((Date.now() - startedAt) / 1000).toFixed(1)} s: functions, Kubernetes API, kubelet, storage`,
);
try {
  await demo(terminal, stack);
  terminal.title(`Done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
} catch (error) {
  terminal.bad(error instanceof Error ? error.message : String(error));
  for (const line of printed.slice(-20)) terminal.line(`  ${line}`);
  process.exitCode = 1;
} finally {
  await stack.close();
}
