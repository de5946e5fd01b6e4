import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { listening, PRELOAD } from '../../infra/local/function-process.ts';
import { expectStatus } from './client.ts';
import type { Client } from './client.ts';
import type { Probe } from './measured-function.ts';
import { lastProbe, PROBE } from './measured-function.ts';
import type { Scope } from './scope.ts';

const FRAMEWORK = createRequire(import.meta.url)
  .resolve('@google-cloud/functions-framework')
  .replace(/index\.js$/, 'main.js');

export interface ColdStart {
  /** From the start of the process until it listens and answers a request that needs no other server. */
  readonly answerMs: number;
  /** From then until its first trigger is answered: clients are made, connections opened. */
  readonly triggerMs: number;
  /** At the first answer, and at the end; `null` where processes take no signal. */
  readonly first: Probe | null;
  readonly last: Probe | null;
}

/** Starts `source` under functions-framework as the platform does, asks it twice, and ends it. */
export const measureColdStart = async (
  scope: Scope,
  source: string,
  env: Readonly<Record<string, string>>,
  client: Client,
  trigger: string,
): Promise<ColdStart> => {
  const startedAt = performance.now();
  const child = fork(FRAMEWORK, ['--target=aggregate', `--source=${source}`, '--port=0'], {
    env: { ...env, FUNCTION_TARGET: 'aggregate' },
    execArgv: ['--no-warnings', `--import=${PRELOAD}`, `--import=${PROBE}`],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  scope.keep({ close: async () => (child.exitCode === null && child.signalCode === null ? end() : undefined) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const port = await listening(child).catch((cause: Error) => {
    throw new Error(`the function did not start: ${cause.message}\n${output.slice(0, 500)}`, { cause });
  });
  const url = `http://127.0.0.1:${port}/`;
  // A method that it does not take: the answer is the function's own, and no other server is asked.
  expectStatus(await client.send('PUT', url), [405], 'PUT /');
  const answeredAt = performance.now();
  const first = await probeNow(child, () => lastProbe(output));
  const probedAt = performance.now();
  expectStatus(await client.send('POST', url, trigger), [201], 'The first trigger');
  const triggeredAt = performance.now();
  await end();
  return { answerMs: answeredAt - startedAt, triggerMs: triggeredAt - probedAt, first, last: lastProbe(output) };
};

/** Asks the preloaded probe, and waits for its line. */
const probeNow = async (child: ChildProcess, read: () => Probe | null): Promise<Probe | null> => {
  if (process.platform === 'win32') return null;
  child.kill('SIGUSR2');
  for (let turn = 0; turn < 1_000 && read() === null; turn += 1) await wait(5);
  return read();
};
