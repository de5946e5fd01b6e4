import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileCache } from '../../../infra/local/compile-cache.ts';
import { isObject } from './json.ts';

const MAIN = fileURLToPath(new URL('../../../infra/local/main.ts', import.meta.url));
const STARTING_MS = 60_000;

/** `npm start -- --json`, as another program starts it. */
export interface StackProcess {
  /** The line of JSON that it printed. */
  readonly info: Readonly<Record<string, string>>;
  readonly child: ChildProcess;
  /** All that it wrote to standard output and standard error. */
  readonly printed: () => string;
  /** Sends the signal and waits for the end; answers the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const readInfo = (line: string): Record<string, string> => {
  const parsed: unknown = JSON.parse(line);
  if (!isObject(parsed)) throw new Error(`not the line of npm start -- --json: ${line}`);
  return Object.fromEntries(Object.entries(parsed).map(([name, value]) => [name, String(value)]));
};

const firstLine = async (child: ChildProcess, printed: () => string): Promise<string> => {
  const { stdout } = child;
  if (stdout === null) throw new Error('no standard output');
  const lines = createInterface({ input: stdout });
  const line = new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the stack ended with ${code}:\n${printed()}`)));
    setTimeout(() => reject(new Error(`the stack did not start:\n${printed()}`)), STARTING_MS).unref();
  });
  return line;
};

/** Rejects, with what it printed, when it does not start within a minute. */
export const startStackProcess = async (args: readonly string[]): Promise<StackProcess> => {
  const child = spawn(process.execPath, ['--no-warnings', MAIN, '--json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...compileCache, ...process.env },
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const printed = (): string => chunks.join('');
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  };
  try {
    return { info: readInfo(await firstLine(child, printed)), child, printed, end };
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
};

const childrenOf = (pid: number): readonly number[] => {
  const file = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number);
};

/** The processes that `pid` has started, and theirs; none where the system does not tell. */
export const descendantsOf = (pid: number): readonly number[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);

/** Whether the system tells of processes under `/proc`. */
export const hasProc = existsSync('/proc/self/task') && readdirSync('/proc/self/task').length > 0;

/** The command line of a process. */
export const commandOf = (pid: number): string =>
  existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') : '';

/** Whether the process is there, and no zombie. */
export const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
