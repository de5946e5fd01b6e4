import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFunctions as bundle } from '../../../infra/scripts/bundle.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
// Below node_modules, where the bundle finds the framework and git looks away.
const CACHE = join(ROOT, 'node_modules/.cache/tensorio-trigger-e2e');
const DAY_MS = 24 * 3_600_000;

const isCode = (path: string): boolean => path.endsWith('.ts') && !path.startsWith('local/');

const hashOfSources = (): string => {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')));
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter(isCode);
  for (const file of ['bundle.ts', 'lean-bundle.ts']) hash.update(readFileSync(join(ROOT, 'infra/scripts', file)));
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
 * The functions as `npm run build` bundles them: what is tested is what is deployed, and a process of it
 * starts in a third of the time, which counts where it is killed a hundred times. Built once per state of `src`; test
 * files that build it at once each make their own and the first rename wins.
 */
export const bundleFunctions = async (): Promise<string> => {
  const folder = join(CACHE, hashOfSources());
  const file = join(folder, 'index.js');
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  removeOld();
  const own = `${folder}.${process.pid}`;
  await bundle(own);
  writeFileSync(join(own, 'package.json'), '{ "type": "module" }');
  try {
    renameSync(own, folder);
  } catch (error) {
    // Another test file was faster.
    if (!existsSync(file)) throw error;
    rmSync(own, { recursive: true });
  }
  return file;
};
