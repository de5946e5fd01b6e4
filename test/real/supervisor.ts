/**
 * Starts the programs that standard input names, one JSON line each, and ends them when standard input closes: with
 * the test that holds the other end, however that ended. The folder that its argument names goes with them. Run by
 * server-processes.ts as a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Program } from './server-processes.ts';

const children: ChildProcess[] = [];
const KILL_AFTER_MS = 5_000;

const start = ({ name, command, args, logFile }: Program): void => {
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  children.push(child);
  child.once('error', (error) => process.stdout.write(`${name} could not be started: ${error.message}\n`));
  child.once('exit', (code, signal) => process.stdout.write(`${name} ended (${code ?? signal})\n`));
};

const isAlive = (child: ChildProcess): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** Last started, first ended: the API server waits for etcd when it ends. */
const end = async (): Promise<void> => {
  for (const child of children.toReversed()) {
    if (!isAlive(child)) continue;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
    await ended;
    clearTimeout(timer);
  }
  const [folder] = process.argv.slice(2);
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  process.exit(0);
};

// The test's own end closes standard input; a Ctrl-C reaches the whole process group, and is left to the test.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void end());
process.stdout.on('error', () => undefined);
const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => start(JSON.parse(line)));
lines.on('close', () => void end());
