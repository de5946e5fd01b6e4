import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const HALF = 1_000;

/** What `npm run simulate` says. In a process of its own: as vitest loads modules, it takes half as long again. */
const simulate = async (seed: number): Promise<string> => {
  const args = ['--no-warnings', MAIN, '--seed', String(seed), '--schedules', String(HALF)];
  // A rule that is broken ends it with exit code 1; what it then says is what has to be read.
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 }).catch(
    (error: unknown): { stdout: string } => {
      if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string')
        return { stdout: error.stdout };
      throw error;
    },
  );
  return stdout;
};

test('no rule is broken in the schedules of 2,000 seeds', { timeout: 300_000 }, async () => {
  const halves = await Promise.all([simulate(1), simulate(1 + HALF)]);
  for (const output of halves) expect(output).toMatch(/^1000 schedules from seed \d+: .*; no rule was broken\.\n$/);
});
