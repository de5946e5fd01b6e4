import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
// Below node_modules, where the bundle finds the framework and git looks away.
const CACHE = join(ROOT, 'node_modules/.cache/tensorio-trigger-e2e');
const DAY_MS = 24 * 3_600_000;

const isCode = (path: string): boolean => path.endsWith('.ts') && !path.startsWith('local/');

const hashOfSources = (): string => {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(isCode);
  for (const file of files.toSorted()) hash.update(file).update(readFileSync(join(ROOT, 'src', file)));
  return hash.digest('hex').slice(0, 16);
};

const removeOld = (): void => {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > DAY_MS) rmSync(path, { recursive: true, force: true });
  }
};

/**
 * The functions in one file, as `npm run build` bundles them: what is tested is what is deployed, and a process of it
 * starts in a third of the time, which counts where it is killed a hundred times. Built once per state of `src`; test
 * files that build it at once each make their own and the last rename wins.
 */
export const bundleFunctions = async (): Promise<string> => {
  const file = join(CACHE, `${hashOfSources()}.mjs`);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  removeOld();
  const own = `${file}.${process.pid}`;
  await build({
    entryPoints: [join(ROOT, 'src/index.ts')],
    outfile: own,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: ['@google-cloud/functions-framework'],
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  renameSync(own, file);
  return file;
};
