import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';

export interface FunctionProcessOptions {
  /** The registered name: `aggregate`, `onCheckpoint`, `deploy`. */
  readonly target: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** What it prints, line by line. */
  readonly onLine: (line: string) => void;
  /** The file functions-framework serves. Default: src/index.ts. */
  readonly source?: string;
  /** The framework's `main.js`. Default: the project's. */
  readonly framework?: string;
}

export interface FunctionProcess {
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
const PRELOAD = fileURLToPath(new URL('die-with-parent.ts', import.meta.url));
const SOURCE = fileURLToPath(new URL('../index.ts', import.meta.url));
const START_MS = 60_000;
const POLL_MS = 50;

const exited = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve) => child.once('exit', () => resolve()));

const answers = async (url: string): Promise<boolean> => {
  try {
    // Answered by the framework itself, without a call of the function.
    await fetch(`${url}/robots.txt`, { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  }
};

const forEachLine = (stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): void => {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  });
};

/**
 * One function, served by the real functions-framework in a process of its own, as Cloud Run serves it: it can be
 * killed and started again. Throws when it does not answer within 60 s, with what it printed.
 */
export const startFunctionProcess = async (options: FunctionProcessOptions): Promise<FunctionProcess> => {
  const url = `http://127.0.0.1:${options.port}`;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const printed: string[] = [];
    const started = fork(
      options.framework ?? FRAMEWORK,
      [`--target=${options.target}`, `--source=${options.source ?? SOURCE}`, `--port=${options.port}`],
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
    for (const end = Date.now() + START_MS; !(await answers(url));) {
      const over = started.exitCode !== null || started.signalCode !== null;
      if (over || Date.now() > end)
        throw new Error(`The function ${options.target} did not start:\n${printed.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined) return;
    child.kill(signal);
    await exited(child);
  };

  await start();
  return { url, pid: () => child?.pid, kill: () => end('SIGKILL'), start, close: () => end('SIGTERM') };
};
