import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';

export interface FunctionProcessOptions {
  /** The registered name: `aggregate`, `onCheckpoint`, `deploy`. */
  readonly target: string;
  /** On 127.0.0.1. By default a free port, which may change at each start. */
  readonly port?: number;
  readonly env: Readonly<Record<string, string>>;
  /** Called for each line that it prints. */
  readonly onLine: (line: string) => void;
  /** The file functions-framework serves. Default: src/index.ts. */
  readonly source?: string;
  /** The framework's `main.js`. Default: the project's. */
  readonly framework?: string;
}

export interface FunctionProcess {
  /** The current or last address. It may change at each start. */
  readonly url: string;
  /** Process ID of the current process. */
  pid(): number | undefined;
  /** Kills the process with SIGKILL and waits for its end. */
  kill(): Promise<void>;
  /** Starts the process again after {@link kill}. Resolves once it listens. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);
const FRAMEWORK = require.resolve('@google-cloud/functions-framework').replace(/index\.js$/, 'main.js');
/** Loaded first by a function's process: makes it listen on 127.0.0.1, report its port, and end with its parent. */
export const PRELOAD = fileURLToPath(new URL('function-preload.mjs', import.meta.url));
const SOURCE = fileURLToPath(new URL('../../src/index.ts', import.meta.url));
const START_MS = 60_000;

/** Returns the port that `child` reports ({@link PRELOAD}). Rejects if it ends first, or reports nothing for a minute. */
export function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it does not listen after ${START_MS / 1000} s`)), START_MS);
    function fail(message: string): void {
      clearTimeout(timer);
      reject(new Error(message));
    }
    child.once('error', (error) => fail(error.message));
    // Emitted after `exit`, once all output has been read.
    child.once('close', (code, signal) => fail(`it ended with ${signal ?? `exit code ${code}`}`));
    child.once('message', (message) => {
      clearTimeout(timer);
      if (typeof message === 'object' && 'port' in message && typeof message.port === 'number') resolve(message.port);
      else reject(new Error(`it reports ${JSON.stringify(message)} instead of its port`));
    });
  });
}

/**
 * Starts one function under the real functions-framework, in a process that can be killed and started again. Rejects
 * with the output of the process if it does not listen within 60 s.
 */
export async function startFunctionProcess(options: FunctionProcessOptions): Promise<FunctionProcess> {
  let child: ChildProcess | undefined;
  let port = 0;

  async function start(): Promise<void> {
    // Until it listens, lines are kept: those of a failed start are in the error, and nowhere else.
    const printed: string[] = [];
    let isListening = false;
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
        if (isListening) options.onLine(line);
        else printed.push(line);
      });
    }
    port = await listening(started).catch(async (cause: Error) => {
      await end('SIGKILL');
      const message = `The function ${options.target} did not start: ${cause.message}\n${printed.slice(0, 50).join('\n')}`;
      throw new Error(message, { cause });
    });
    isListening = true;
    for (const line of printed) options.onLine(line);
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
