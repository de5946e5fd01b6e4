import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { findFreePort } from '../real/server-processes.ts';
import { expectStatus } from './client.ts';
import type { Client } from './client.ts';
import type { Probe } from './measured-function.ts';
import { lastProbe, PROBE } from './measured-function.ts';
import type { Scope } from './scope.ts';

const FRAMEWORK = createRequire(import.meta.url)
  .resolve('@google-cloud/functions-framework')
  .replace(/index\.js$/, 'main.js');
const START_MS = 30_000;

export interface ColdStart {
  /** From the start of the process until it listens and answers a request that needs no other server. */
  readonly answerMs: number;
  /** From then until its first trigger is answered: clients are made, connections opened. */
  readonly triggerMs: number;
  readonly probe: Probe | null;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const untilListening = async (port: number, hasEnded: () => boolean, output: () => string): Promise<void> => {
  for (const endsAt = Date.now() + START_MS; !(await accepts(port));) {
    if (hasEnded() || Date.now() > endsAt) throw new Error(`the function did not start: ${output().slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

/** Starts `source` under functions-framework as the platform does, asks it twice, and ends it. */
export const measureColdStart = async (
  scope: Scope,
  source: string,
  env: Readonly<Record<string, string>>,
  client: Client,
  trigger: string,
): Promise<ColdStart> => {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}/`;
  const args = ['--no-warnings', `--import=${PROBE}`, FRAMEWORK, '--target=aggregate', `--source=${source}`];
  const startedAt = performance.now();
  const child = spawn(process.execPath, [...args, `--port=${port}`], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  scope.keep({ close: async () => (child.exitCode === null && child.signalCode === null ? end() : undefined) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const hasEnded = (): boolean => child.exitCode !== null;
  await untilListening(port, hasEnded, () => output);
  // A method that it does not take: the answer is the function's own, and no other server is asked.
  expectStatus(await client.send('PUT', url), [405], 'PUT /');
  const answeredAt = performance.now();
  expectStatus(await client.send('POST', url, trigger), [201], 'The first trigger');
  const triggeredAt = performance.now();
  await end();
  return { answerMs: answeredAt - startedAt, triggerMs: triggeredAt - answeredAt, probe: lastProbe(output) };
};
