import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Scope } from './scope.ts';

/** What is imported into a fresh process, and timed there. */
export const IMPORTS = [
  'express',
  '@kubernetes/client-node',
  '@google-cloud/storage',
  'google-auth-library',
  'undici',
  'zod',
  'yaml',
] as const;

const run = promisify(execFile);

/** Milliseconds that a fresh process takes to import `specifier`, the start of Node itself not counted. */
export const measureImport = async (scope: Scope, specifier: string): Promise<number> => {
  const code = `const at = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - at); process.exit(0);`;
  const ending = new AbortController();
  scope.keep({ close: async () => ending.abort() });
  const args = ['--no-warnings', '--input-type=module', '--eval', code];
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, signal: ending.signal });
  return Number(stdout);
};
