import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A server to run; its output goes to `logFile`. */
export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
}

/** Programs that end with this process. */
export interface ServerProcesses {
  start(program: Program): void;
  /** Throws with the end of its log when a program has ended by itself. */
  check(): void;
  /** Ends all of them, and returns when they have. */
  readonly close: () => Promise<void>;
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export const findFreePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
};

const readTail = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').slice(-15).join('\n');
  } catch {
    return '(no log)';
  }
};

/** Starts the supervisor that runs programs for this process, and ends them, and removes `folder`, with it. */
export const createServerProcesses = (folder: string): ServerProcesses => {
  const supervisor = spawn(process.execPath, [join(import.meta.dirname, 'supervisor.ts'), folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = new Promise((resolve) => supervisor.once('close', resolve));
  const logFiles = new Map<string, string>();
  const ends: string[] = [];
  let isClosing = false;
  createInterface({ input: supervisor.stdout }).on('line', (line) => ends.push(line));
  supervisor.stdin.on('error', () => undefined);
  return {
    start: (program) => {
      logFiles.set(program.name, program.logFile);
      supervisor.stdin.write(`${JSON.stringify(program)}\n`);
    },
    check: () => {
      const [end] = ends;
      if (end === undefined || isClosing) return;
      const logFile = logFiles.get(end.split(' ')[0] ?? '');
      throw new Error(`${end}:\n${logFile === undefined ? '' : readTail(logFile)}`);
    },
    close: async () => {
      isClosing = true;
      supervisor.stdin.end();
      await closed;
    },
  };
};
