import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Api } from './api.ts';
import { at, createApi, makeFolder } from './api.ts';

const SCRIPT = fileURLToPath(new URL('gcs-process.ts', import.meta.url));

interface Written {
  readonly text: string;
  readonly generation: number;
}

async function startProcess(dataDir: string, target: string): Promise<{ child: ChildProcess; api: Api }> {
  const child = spawn(process.execPath, [SCRIPT, dataDir, target], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  onTestFinished(kill);
  return { child, api: createApi(url, kill) };
}

/** Takes events: refuses them, or notes their subjects. */
async function startTarget() {
  const target = { accepts: false, subjects: new Set<string>(), refused: 0, url: '' };
  const server = createServer((request, response) => {
    request.resume();
    if (target.accepts) target.subjects.add(String(request.headers['ce-subject']));
    else target.refused += 1;
    response.writeHead(target.accepts ? 204 : 503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address === 'object' && address !== null) target.url = `http://127.0.0.1:${address.port}/`;
  return target;
}

/** Writes until the server is gone, and notes what was acknowledged. */
async function writeUntilGone(api: Api, round: number, acknowledged: Map<string, Written>): Promise<void> {
  for (let count = 0; ; count += 1) {
    const name = `round-${round}/${count}`;
    // Every eighth is large enough for a file of its own.
    const text = `${name} `.padEnd(count % 8 === 0 ? 100_000 : 500, '.');
    const generation = await api.put(name, text).catch(() => null);
    if (generation === null) return;
    acknowledged.set(name, { text, generation: Number(generation) });
  }
}

// An acknowledged write is on disk, its event is not lost, and generations go on increasing.
test('kill -9 in the midst of writes loses nothing that was acknowledged', async () => {
  const dataDir = makeFolder();
  const target = await startTarget();
  const acknowledged = new Map<string, Written>();
  for (let round = 0; round < 3; round += 1) {
    const { child, api } = await startProcess(dataDir, target.url);
    const newest = Math.max(0, ...[...acknowledged.values()].map(({ generation }) => generation));
    expect(Number(await api.put('probe', ''))).toBeGreaterThan(newest);
    const writers = Array.from({ length: 4 }, (_, index) => writeUntilGone(api, round * 4 + index, acknowledged));
    await vi.waitUntil(() => acknowledged.size > (round + 1) * 100, { timeout: 90_000 });
    child.kill('SIGKILL');
    await Promise.all(writers);
  }
  expect(target.refused).toBeGreaterThan(0);
  target.accepts = true;
  const { api } = await startProcess(dataDir, target.url);
  for (const [name, { text }] of acknowledged) {
    const { text: stored } = await api.send('GET', `${at(name)}?alt=media`);
    expect(stored).toBe(text);
  }
  const subjects = [...acknowledged.keys()].map((name) => `objects/${name}`);
  await vi.waitUntil(() => subjects.every((subject) => target.subjects.has(subject)), { timeout: 90_000 });
  expect([...target.subjects]).toEqual(expect.arrayContaining(subjects));
});
