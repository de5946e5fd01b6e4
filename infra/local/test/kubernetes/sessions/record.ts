/**
 * Records sessions of every kubectl of this machine with a real API server:
 * `node infra/local/test/kubernetes/sessions/record.ts`. The namespace, the Job and its pod are the session's own.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startRealCluster } from '../../../../../test/real/cluster.ts';
import { findKubectls, runKubectl } from '../run-kubectl.ts';
import { type Exchange, namespaceOf } from './exchange.ts';
import { parseBody } from './json.ts';
import { collectNames, maskAnswer, maskText, type Names } from './mask.ts';
import { lastEventOf, type Seen, startProxy } from './proxy.ts';
import { type Command, SCRIPT } from './script.ts';
import { type Client, createClient, openPlace, type Target } from './target.ts';

const cluster = await startRealCluster();

/** `1.31`, of a kubectl: those of Google Cloud's SDK run another version by the server's, unless named by theirs. */
function versionOf(program: string): string {
  const text = execFileSync(program, ['version', '--client', '--output=json'], { encoding: 'utf8' });
  const { clientVersion }: { clientVersion: { gitVersion: string } } = JSON.parse(text);
  return /^v(1\.\d+)\.\d+$/.exec(clientVersion.gitVersion)?.[1] ?? '';
}

async function awaitState(client: Client, { once }: Command, namespace: string): Promise<void> {
  if (once === undefined) return;
  const endsAt = Date.now() + 30_000;
  for (;;) {
    const { body } = await client.send({ method: 'GET', path: once.path.replace('$NS', namespace) });
    if (JSON.stringify(body).includes(once.has)) return;
    if (Date.now() > endsAt) throw new Error(`${once.path} has no ${once.has}`);
    await pause(20);
  }
}

/** Discovery and OpenAPI tell all kinds of a server: too large to keep, and not what is compared. */
function isLarge(path: string): boolean {
  return /^\/(?:apis?(?:\/[^/?]+){0,2}|openapi\/.*)(?:\?|$)/.test(path);
}

function isWatch(path: string): boolean {
  return /[?&]watch=/.test(path);
}

function toExchange(command: string, seen: Seen, names: Names): Exchange {
  const isBase64 = seen.type.includes('protobuf');
  const path = seen.path
    .replace(/(?<=[?&])(hash=\w+&?|timeout=\w+&?|timeoutSeconds=\d+&?)/g, '')
    .replace(/[?&]$/, '')
    .replace(/(?<=[?&]resourceVersion=)[1-9]\d*/, '<version>');
  const answered = isWatch(seen.path)
    ? { lastEvent: maskAnswer(names, lastEventOf(seen)) }
    : isLarge(seen.path)
      ? {}
      : { body: maskAnswer(names, parseBody(seen.answer)) };
  return {
    command,
    method: seen.method,
    path: maskText(names, path),
    ...(seen.accept !== '' && { accept: seen.accept }),
    ...(seen.type !== '' && { type: seen.type }),
    ...(seen.body.length > 0 && {
      body: isBase64 ? seen.body.toString('base64') : maskText(names, seen.body.toString()),
    }),
    ...(isBase64 && { isBase64 }),
    answer: { status: seen.status, type: seen.answerType, ...answered },
  };
}

/** Of requests that are asked again until the answer is another one, the last. */
function withoutPolls(exchanges: readonly Exchange[]): readonly Exchange[] {
  return exchanges.filter((each, index) => {
    const next = exchanges[index + 1];
    const isPoll = each.method === 'GET' && next?.method === 'GET' && each.path === next.path;
    return !(isPoll && each.command === next.command);
  });
}

async function recordSession(target: Target, program: string, name: string): Promise<readonly Exchange[]> {
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-record-'));
  const gate = join(folder, 'gate');
  const namespace = namespaceOf(name);
  const client = createClient(target);
  const close = await openPlace(target, { namespace, gate, workDir: join(folder, 'work') });
  const proxy = await startProxy(target, () => writeFileSync(gate, ''));
  try {
    const all: { command: string; seen: Seen }[] = [];
    for (const step of SCRIPT) {
      await awaitState(client, step, namespace);
      const args = [`--server=${proxy.url}`, `--namespace=${namespace}`];
      await runKubectl(program, [...args, ...step.args.split(' ')], { home: folder, input: step.input });
      all.push(...proxy.take().map((seen) => ({ command: step.args, seen })));
    }
    const names: Names = new Map();
    for (const { seen } of all) collectNames(names, isWatch(seen.path) ? lastEventOf(seen) : parseBody(seen.answer));
    return withoutPolls(all.map(({ command, seen }) => toExchange(command, seen, names)));
  } finally {
    await proxy.close();
    await close();
    await client.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  const target = { server: cluster.server, token: cluster.token, ca: cluster.caPem };
  for (const program of findKubectls(['1.31', '1.32', '1.33'])) {
    const version = versionOf(program);
    if (version === '') continue;
    const name = `kubectl-${version}`;
    const exchanges = await recordSession(target, program, name);
    const lines = exchanges.map((each) => `${JSON.stringify(each)}\n`);
    writeFileSync(join(import.meta.dirname, `${name}.jsonl`), lines.join(''));
    process.stdout.write(`${name}: ${exchanges.length} exchanges\n`);
  }
} finally {
  await cluster.close();
}
