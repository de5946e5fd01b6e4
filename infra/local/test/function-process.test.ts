import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { FunctionProcess, FunctionProcessOptions } from '../function-process.ts';
import { startFunctionProcess } from '../function-process.ts';
import { closeServer, listenOnLoopback } from '../loopback.ts';
import { bundleFunctions } from '../../../test/e2e/helpers/bundle.ts';

const ENV = {
  PATH: process.env['PATH'] ?? '',
  NODE_ENV: 'production',
  STATE_URI: 'gs://a-bucket/state',
  ALLOWED_BUCKETS: 'a-bucket',
  KUBERNETES_ENDPOINT: 'https://cluster.invalid',
};

async function start(options: Partial<FunctionProcessOptions> = {}): Promise<FunctionProcess> {
  const source = await bundleFunctions();
  const started = await startFunctionProcess({
    target: 'aggregate',
    source,
    env: ENV,
    onLine: () => undefined,
    ...options,
  });
  onTestFinished(() => started.close());
  return started;
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** A method that the function takes nowhere: the answer is its own, and no other server is asked. */
async function statusOf({ url }: FunctionProcess): Promise<number> {
  return (await fetch(url, { method: 'PUT' })).status;
}

describe('the process of a function', () => {
  test('listens on 127.0.0.1 and nowhere else', async () => {
    const started = await start();
    const port = Number(new URL(started.url).port);
    expect(await connects('127.0.0.1', port)).toBe(true);
    // Both answer where a server listens on every interface.
    expect(await connects('::1', port)).toBe(false);
    expect(await connects('127.0.0.2', port)).toBe(false);
  });

  test('is killed and started again, and is found where it listens then', async () => {
    const started = await start();
    const [url, pid] = [started.url, started.pid()];
    await started.kill();
    await expect(fetch(url)).rejects.toThrow();
    await started.start();
    expect(started.pid()).not.toBe(pid);
    expect(await statusOf(started)).toBe(405);
  });

  test('does not take another server at its port for itself: the start fails, and says why', async () => {
    const stranger = createServer((_, response) => response.end('somebody else'));
    const port = await listenOnLoopback(stranger);
    onTestFinished(() => closeServer(stranger));
    await expect(start({ port })).rejects.toThrow(
      /^The function aggregate did not start: it ended with exit code 1\n[^]*address already in use 127\.0\.0\.1:/,
    );
  });

  test('that ends at its start fails with what it printed, which is printed nowhere else', async () => {
    const lines: string[] = [];
    const failing = { env: { ...ENV, STATE_URI: 'state' }, onLine: (line: string) => void lines.push(line) };
    await expect(start(failing)).rejects.toThrow(/exit code 1\n[^]*→ at STATE_URI/);
    expect(lines).toEqual([]);
  });

  test('passes on the lines that it prints', async () => {
    const lines: string[] = [];
    const started = await start({ onLine: (line) => void lines.push(line) });
    await statusOf(started);
    await vi.waitFor(() => expect(lines.join()).toContain('"severity"'), { timeout: 60_000 });
  });
});
