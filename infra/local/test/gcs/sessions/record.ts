/**
 * Records sessions of gcloud storage and curl with the embedded Cloud Storage, each ended as its command should:
 * `node infra/local/test/gcs/sessions/record.ts`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startGcs } from '../../../gcs/server.ts';
import { parseBody } from '../../kubernetes/sessions/json.ts';
import { createRunner, isInstalled, type Ran } from '../command-line.ts';
import { gcloudSettings } from '../settings.ts';
import { type Exchange, pickRequestHeaders, pickCompared } from './exchange.ts';
import { collectNames, mask, maskText, type Names } from './mask.ts';
import { type Seen, startProxy } from './proxy.ts';
import { type Command, CURL, FILES, GCLOUD, RESUMABLE_FROM } from './script.ts';

type Run = (...args: readonly string[]) => Promise<Ran>;

interface Client {
  readonly tool: string;
  readonly script: readonly Command[];
  readonly version: readonly string[];
  /** Runs one command of the script in `folder` against `url`. */
  readonly open: (folder: string, url: string) => Run;
}

const CLIENTS: readonly Client[] = [
  {
    tool: 'gcloud',
    script: GCLOUD,
    version: ['version'],
    open: (folder, url) => {
      const more = {
        CLOUDSDK_STORAGE_RESUMABLE_THRESHOLD: String(RESUMABLE_FROM),
        CLOUDSDK_STORAGE_PROCESS_COUNT: '1',
        CLOUDSDK_STORAGE_THREAD_COUNT: '1',
      };
      const gcloud = createRunner('gcloud', folder, { ...gcloudSettings(folder, url), ...more });
      return (...args) => gcloud('storage', ...args);
    },
  },
  {
    tool: 'curl',
    script: CURL,
    version: ['--version'],
    open: (folder, url) => {
      const curl = createRunner('curl', folder, {});
      return (...args) => curl(...args.map((word) => word.replace('URL', url)));
    },
  },
];

function toExchange(names: Names, url: string, command: string, seen: Seen): Exchange {
  const { method, status, headers, body, answerHeaders, answer } = seen;
  return {
    command,
    method,
    path: maskText(names, url, seen.path),
    headers: pickRequestHeaders(headers),
    ...(body !== '' && { body: maskText(names, url, body) }),
    answer: mask(names, url, { status, headers: pickCompared(answerHeaders), body: parseBody(answer) }),
  };
}

async function recordSession({ script, open }: Client): Promise<readonly Exchange[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gcs-record-'));
  const server = await startGcs({ buckets: ['bkt'] });
  const proxy = await startProxy(server.url);
  try {
    for (const [name, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const run = open(folder, proxy.url);
    const all: { command: string; seen: Seen }[] = [];
    for (const { args, fails } of script) {
      const { code, err } = await run(...args);
      if ((code === 0) === (fails === true)) throw new Error(`${args.join(' ')}: exit code ${code}\n${err}`);
      all.push(...proxy.take().map((seen) => ({ command: args.join(' '), seen })));
    }
    const names: Names = new Map();
    for (const { seen } of all) collectNames(names, pickCompared(seen.answerHeaders), parseBody(seen.answer));
    return all.map(({ command, seen }) => toExchange(names, proxy.url, command, seen));
  } finally {
    await proxy.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const client of CLIENTS) {
  if (!isInstalled(client.tool)) continue;
  const { out } = await createRunner(client.tool, tmpdir(), {})(...client.version);
  const version = /\d+\.\d+(?:\.\d+)?/.exec(out)?.[0] ?? 'unknown';
  const name = `${client.tool}-${version}`;
  const exchanges = await recordSession(client);
  writeFileSync(
    join(import.meta.dirname, `${name}.jsonl`),
    exchanges.map((each) => `${JSON.stringify(each)}\n`).join(''),
  );
  process.stdout.write(`${name}: ${exchanges.length} exchanges\n`);
}
