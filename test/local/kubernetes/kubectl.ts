import { spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The kubectl of the PATH first, then those of other versions that Google Cloud's SDK puts beside it. */
export const findKubectls = (): readonly string[] => {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'kubectl'))
    .find(isProgram);
  if (found === undefined) return [];
  const beside = ['kubectl.1.31', 'kubectl.1.33'].map((name) => join(dirname(realpathSync(found)), name));
  return [found, ...beside.filter(isProgram)];
};

export interface KubectlResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `isEnough` is asked of what it has printed so far, and ends it: for commands that go on for ever. */
export type Kubectl = (
  args: readonly string[],
  input?: string,
  isEnough?: (out: string) => boolean,
) => Promise<KubectlResult>;

/** Runs a kubectl against `server`, with a home and a cache of its own: no kubeconfig of this machine is read. */
export const createKubectl = (program: string, server: string): Kubectl => {
  const home = mkdtempSync(join(tmpdir(), 'kubectl-home-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  return (args, input, isEnough) =>
    new Promise((resolve, reject) => {
      const env = { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: join(home, 'none') };
      const child = spawn(program, [`--server=${server}`, `--cache-dir=${join(home, 'cache')}`, ...args], { env });
      const texts = { out: '', err: '' };
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
        texts.out += chunk;
        if (isEnough?.(texts.out) === true) child.kill();
      });
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.err += chunk));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, ...texts }));
      child.stdin.end(input ?? '');
    });
};
