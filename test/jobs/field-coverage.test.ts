import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// The machine that runs it may be busy.
const SLOW_MS = 180_000;

/** What `tsc` reports about a copy of `src` in which `change` was made to the schema of `aggregator`. */
const compile = async (change: (schema: string) => string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'field-coverage-'));
  try {
    await cp(join(ROOT, 'src'), join(folder, 'src'), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const { compilerOptions } = JSON.parse(await readFile(join(ROOT, 'tsconfig.json'), 'utf8'));
    await writeFile(
      join(folder, 'tsconfig.json'),
      // Not incremental: the build information of the repository must not be overwritten.
      JSON.stringify({
        compilerOptions: { ...compilerOptions, incremental: false, tsBuildInfoFile: undefined },
        include: ['src/jobs/manifest.ts'],
      }),
    );
    const schema = join(folder, 'src/values/aggregator-schema.ts');
    await writeFile(schema, change(await readFile(schema, 'utf8')));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    return await new Promise((resolve) => {
      execFile(process.execPath, [tsc, '-p', folder], (_error, stdout, stderr) => resolve(stdout + stderr));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

test('the schema as it is compiles', { timeout: SLOW_MS }, async () => {
  expect(await compile((schema) => schema)).toBe('');
});

test(
  'a field that the schema declares and the manifest does not use does not compile',
  { timeout: SLOW_MS },
  async () => {
    const declared = (schema: string): string => {
      const changed = schema.replace('  spot: z.boolean()', '  gpuType: z.string().optional(),\n  spot: z.boolean()');
      expect(changed).not.toBe(schema);
      return changed;
    };
    expect(await compile(declared)).toMatch(/src\/jobs\/manifest\.ts.*'gpuType' is missing/);
  },
);
