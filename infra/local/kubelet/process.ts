import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

/** Output after this time is lost: a child that outlives the program holds the pipe. */
const DRAIN_MS = 2000;

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void;
}

export interface ProcessExit {
  /** As a shell reports it: 128 + n for signal n. */
  readonly exitCode: number;
  readonly signal: NodeJS.Signals | null;
}

export interface LocalProcess {
  readonly pid: number;
  /** Called once the program has ended and its output has been read. */
  readonly exited: Promise<ProcessExit>;
  /** Sends a signal to the whole process group. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Signals a process group led by `pid`; false when there is none. Where there are no groups (Windows), the process alone. */
export function killGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  try {
    return process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    return false;
  }
}

/**
 * Starts a program as the leader of a process group of its own, with no other environment than `env`.
 * @throws when it cannot be started, in the words of the container runtime
 */
export async function startProcess({ command, env, cwd, onOutput }: ProcessOptions): Promise<LocalProcess> {
  const [file = '', ...args] = command;
  if (file === '') throw new Error('failed to start container process: no command specified');
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
  read(child.stdout, 'stdout', onOutput);
  read(child.stderr, 'stderr', onOutput);
  const starting = spawned(child, file);
  // A short-lived program may end before `spawn` is emitted: listen for the exit from the start.
  const exited = child.pid === undefined ? new Promise<never>(() => {}) : awaitExit(child, child.pid);
  const pid = await starting;
  return { pid, exited, kill: (signal) => void killGroup(pid, signal) };
}

function read(stream: Readable | null, name: 'stdout' | 'stderr', onOutput: ProcessOptions['onOutput']): void {
  stream?.on('data', (chunk: Buffer) => onOutput(name, chunk));
  stream?.on('error', () => {});
}

function spawned(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startFault(command, error)));
    child.once('spawn', () => {
      if (child.pid === undefined) reject(new Error(`the process of ${command} has no id`));
      else resolve(child.pid);
    });
  });
}

/** The OCI runtime's message for a program that cannot be started. */
function startFault(command: string, error: NodeJS.ErrnoException): Error {
  const why: Readonly<Record<string, string>> = {
    ENOENT: command.includes('/') ? `stat ${command}: no such file or directory` : 'executable file not found in $PATH',
    EACCES: 'permission denied',
  };
  return new Error(
    `failed to start container process: exec: ${JSON.stringify(command)}: ${why[error.code ?? ''] ?? error.message}`,
    {
      cause: error,
    },
  );
}

/** When the first process of a container ends, the rest of the container ends with it; then the pipes close. */
function awaitExit(child: ChildProcess, pid: number): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      killGroup(pid, 'SIGKILL');
      function finish(): void {
        clearTimeout(timer);
        resolve(toExit(code, signal));
      }
      const timer = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        finish();
      }, DRAIN_MS);
      child.once('close', finish);
    });
  });
}

function toExit(code: number | null, signal: NodeJS.Signals | null): ProcessExit {
  return {
    exitCode: code ?? 128 + (signal === null ? 0 : constants.signals[signal]),
    signal,
  };
}
