import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { bundleTio } from '../../infra/scripts/bundle.ts';

export const VERSION = '9.8.7';

/** A folder that is deleted after the test. */
export const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tio-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

let built: Promise<string> | undefined;

/** The built command line; built once for all tests. */
const buildTio = (): Promise<string> => {
  built ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tio-built-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'tio.mjs');
    await bundleTio(file, VERSION);
    return file;
  })();
  return built;
};

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly result: Promise<Result>;
  /** What it printed to stderr until now. */
  readonly stderr: () => string;
  readonly interrupt: () => void;
}

export interface TioOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Starts the built `tio` with a home folder of its own, and an environment without any credentials. */
export const startTio = async (
  args: readonly string[],
  { env = {}, stdin = '' }: TioOptions = {},
): Promise<Running> => {
  const home = makeFolder();
  const child = spawn(process.execPath, [await buildTio(), ...args], {
    env: { HOME: home, TIO_CONFIG_DIR: home, PATH: home, METADATA_SERVER_DETECTION: 'none', ...env },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    stderr: () => stderr,
    interrupt: () => void child.kill('SIGINT'),
    result: (async () => {
      const stdout = await text(child.stdout);
      return { code: await ended, stdout, stderr };
    })(),
  };
};

/** Runs the built `tio` to its end. */
export const tio = async (args: readonly string[], options?: TioOptions): Promise<Result> =>
  (await startTio(args, options)).result;

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Reply = (request: Received, res: ServerResponse) => void;

/** A function that answers as `reply` does, on a real port; `requests` are those so far. */
export const serve = async (reply: Reply) => {
  const requests: Received[] = [];
  const server = createServer((req, res) => {
    void (async () => {
      const url = new URL(req.url ?? '/', 'http://x');
      const request = {
        method: req.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: req.headers,
        body: await text(req),
      };
      requests.push(request);
      reply(request, res);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return { url, port, requests, env: { TIO_AGGREGATE_URL: url, TIO_DEPLOY_URL: url } };
};

/** Answers a JSON body. */
export const json = (
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  res.writeHead(status, { 'content-type': type, ...headers }).end(JSON.stringify(body));
};
