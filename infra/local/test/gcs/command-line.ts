import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Whether `tool` can be run from the PATH. */
export function isInstalled(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs `tool` with these variables in `folder`, which is its home as well. */
export function createRunner(tool: string, folder: string, variables: Readonly<Record<string, string>>) {
  return (...args: readonly string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const env = { ...process.env, HOME: folder, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', ...variables };
      const child = execFile(tool, [...args], { cwd: folder, env, timeout: 60_000 }, (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, out: out.toString(), err: err.toString() });
      });
      child.stdin?.end();
    });
}
