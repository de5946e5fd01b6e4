import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createClient, expectStatus } from './client.ts';
import { lastProbe, PROBE } from './measured-function.ts';
import { buildUpdate, VARIABLES } from './model-updates.ts';
import type { Row } from './report.ts';
import { megabytes, perSecond, seconds } from './report.ts';
import type { Scope } from './scope.ts';
import type { Bench, Section } from './section.ts';
import { openTable, sizeOf } from './section.ts';
import type { Server } from './servers.ts';
import { startServer } from './servers.ts';

const MAIN = fileURLToPath(new URL('../../src/aggregator/main.ts', import.meta.url));
const BUCKET = 'bench-models';
const DISTINCT = 10;

type Upload = (name: string, bytes: Uint8Array) => Promise<void>;

const createUpload = (scope: Scope, { url }: Server): Upload => {
  const client = scope.keep(createClient());
  return async (name, bytes) => {
    const target = `${url}/upload/storage/v1/b/${BUCKET}/o?uploadType=media&name=${encodeURIComponent(name)}`;
    const sent = client.send('POST', target, bytes, { 'content-type': 'application/octet-stream' });
    expectStatus(await sent, [200], `The upload of ${name}`);
  };
};

const uploadUpdates = async (upload: Upload): Promise<number> => {
  let bytes = 0;
  for (let at = 0; at < DISTINCT; at += 1) {
    for (const [file, content] of buildUpdate(at)) {
      await upload(`update_${at}/${file}`, content);
      bytes += content.length;
    }
  }
  return bytes / DISTINCT;
};

const run = async (scope: Scope, env: Readonly<Record<string, string>>) => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['--no-warnings', `--import=${PROBE}`, MAIN], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  scope.keep({ close: async () => void child.kill('SIGKILL') });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  await closed;
  if (child.exitCode !== 0) throw new Error(`the aggregator ended with ${child.exitCode}: ${output.slice(-500)}`);
  return { seconds: (performance.now() - startedAt) / 1000, probe: lastProbe(output) };
};

const measure = async (bench: Bench, server: Server, upload: Upload, updates: number, bytes: number): Promise<Row> => {
  const lines = Array.from({ length: updates }, (_, at) => `gs://${BUCKET}/update_${at % DISTINCT}`);
  await upload(`list-${updates}.txt`, Buffer.from(`${lines.join('\n')}\n`));
  const ended = await run(bench.scope, {
    AGGREGATION_TYPE: 'wcma',
    AGGREGATION_CKPTS_FILELIST: `gs://${BUCKET}/list-${updates}.txt`,
    AGGREGATION_OUTPUT_PATH: `gs://${BUCKET}/out-${updates}`,
    STORAGE_API_ENDPOINT: server.url,
  });
  return [
    `${updates.toLocaleString('en-US')} updates`,
    megabytes(bytes * updates),
    seconds(ended.seconds),
    perSecond(updates / ended.seconds),
    ended.probe && seconds(ended.probe.cpuMs / 1000),
    ended.probe && megabytes(ended.probe.maxRssBytes),
  ];
};

export const aggregator: Section = {
  name: 'aggregator',
  title: 'The reference aggregator',
  about: `wcma over updates of ${VARIABLES} variables of float32, read from the embedded bucket, which is a process of its own. A list of more than ${DISTINCT} names ${DISTINCT} updates again and again; each line is read and averaged anew. Time from the start of its process to the end.`,
  run: async (bench) => {
    const server = await startServer(bench.scope, { kind: 'storage', buckets: [BUCKET] });
    const upload = createUpload(bench.scope, server);
    const bytes = await uploadUpdates(upload);
    const sizes = sizeOf(bench, { quick: [10], normal: [10, 100], full: [10, 100, 1_000] });
    const add = openTable(bench, [`of ${(bytes / 1e6).toFixed(1)} MB each`, 'read', 'time', 'rate', 'CPU', 'most RSS']);
    for (const updates of sizes) add(await measure(bench, server, upload, updates, bytes));
    if (bench.effort !== 'full') bench.add('1,000 updates: with --full.');
  },
};
