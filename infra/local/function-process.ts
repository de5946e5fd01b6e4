import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';

export interface FunctionProcessOptions {
  /** The registered name: `aggregate`, `onCheckpoint`, `deploy`. */
  readonly target: string;
  /** Of 127.0.0.1; by default any free one, another at each start. */
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
  /** What it prints, line by line. */
  readonly onLine: (line: string) => void;
  /** The file functions-framework serves. Default: src/index.ts. */
  readonly source?: string;
  /** The framework's `main.js`. Default: the project's. */
  readonly framework?: string;
}

export interface FunctionProcess {
  /** Where it listens, or did last: it may differ after each start. */
  readonly url: string;
  /** Of the process that serves now. */
  pid(): number | undefined;
  /** Ends it as the platform's out-of-memory killer would, and waits for that. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}; resolves once it answers. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);
const FRAMEWORK = require.resolve('@google-cloud/functions-framework').replace(/index\.js$/, 'main.js');
/** What a function's process loads first: it listens on 127.0.0.1, says so, and ends with its parent. */
export const PRELOAD = fileURLToPath(new URL('function-preload.mjs', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
const START_MS = 60_000;

/** The port that `child` says it listens on ({@link PRELOAD}). Throws when it ends before, or says nothing for a minute. */
export function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it does not listen after ${START_MS / 1000} s`)), START_MS);
    function fail(message: string): void {
      clearTimeout(timer);
      reject(new Error(message));
    }
    child.once('error', (error) => fail(error.message));
    // After `exit`, and after all that it printed has been read.
    child.once('close', (code, signal) => fail(`it ended with ${signal ?? `exit code ${code}`}`));
    child.once('message', (message) => {
      clearTimeout(timer);
      if (typeof message === 'object' && 'port' in message && typeof message.port === 'number') resolve(message.port);
      else reject(new Error(`it says ${JSON.stringify(message)} in the place of its port`));
    });
  });
}

/**
 * One function, served by the real functions-framework in a process of its own, as Cloud Run serves it: it can be
 * killed and started again. Throws when it does not listen within 60 s, with what it printed.
 */
export async function startFunctionProcess(options: FunctionProcessOptions): Promise<FunctionProcess> {
  let child: ChildProcess | undefined;
  let port = 0;

  async function start(): Promise<void> {
    const printed: string[] = [];
    const started = fork(
      options.framework ?? FRAMEWORK,
      [`--target=${options.target}`, `--source=${options.source ?? SOURCE}`, `--port=${options.port ?? 0}`],
      {
        env: { ...compileCache, ...options.env },
        execArgv: ['--import', PRELOAD, '--no-warnings'],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      forEachLine(stream, (line) => {
        if (printed.length < 50) printed.push(line);
        options.onLine(line);
      });
    }
    port = await listening(started).catch(async (cause: Error) => {
      await end('SIGKILL');
      const message = `The function ${options.target} did not start: ${cause.message}\n${printed.join('\n')}`;
      throw new Error(message, { cause });
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined) return;
    child.kill(signal);
    await exited(child);
  }

  await start();
  return {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    pid: () => child?.pid,
    kill: () => end('SIGKILL'),
    start,
    close: () => end('SIGTERM'),
  };
}

function forEachLine(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
}

function exited(child: ChildProcess): Promise<void> {
  return child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));
}
