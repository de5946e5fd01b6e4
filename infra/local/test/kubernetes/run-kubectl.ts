import { spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

export interface KubectlResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface KubectlRun {
  /** Its home and cache: no kubeconfig of this machine is read. */
  readonly home: string;
  readonly input?: string | undefined;
  readonly isEnough?: ((out: string) => boolean) | undefined;
}

/** The kubectl of the PATH first, then those of other minor versions that Google Cloud's SDK puts beside it. */
export function findKubectls(minors: readonly string[] = ['1.31', '1.33']): readonly string[] {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'kubectl'))
    .find(isProgram);
  if (found === undefined) return [];
  const beside = minors.map((minor) => join(dirname(realpathSync(found)), `kubectl.${minor}`));
  return [found, ...beside.filter(isProgram)];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs a kubectl to its end. */
export function runKubectl(
  program: string,
  args: readonly string[],
  { home, input = '', isEnough }: KubectlRun,
): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, KUBECONFIG: join(home, 'none') };
    const child = spawn(program, [`--cache-dir=${join(home, 'cache')}`, ...args], { env });
    const texts = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      texts.out += chunk;
      if (isEnough?.(texts.out) === true) child.kill();
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.err += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...texts }));
    child.stdin.end(input);
  });
}
