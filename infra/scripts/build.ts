import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleFunctions, bundleTio, INSTALLED } from './bundle.ts';

/**
 * `npm run build`: everything that is deployed, in `dist/`. `index.js` loads the other files of code when they are first
 * needed, so that a cold start parses little. package.json asks for the framework and its express alone: the platform
 * installs these and compiles nothing. `dist/tio.js`, the command line, is not deployed.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = `${root}dist`;

const project = await readJson('package.json');

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await readFile(`${root}${file}`, 'utf8'));
  if (!isRecord(value)) throw new TypeError(`${file} is not an object`);
  return value;
}

function member(value: unknown, name: string): Record<string, unknown> {
  const found = isRecord(value) ? value[name] : undefined;
  return isRecord(found) ? found : {};
}

/** The installed packages and what they need, from the project's own lock file: what was tested is what is installed. */
function lockOf(lock: Record<string, unknown>, manifest: Record<string, unknown>): Record<string, unknown> {
  const packages = member(lock, 'packages');
  const wanted: Record<string, unknown> = {};
  function placeOf(name: string, from: string): string | undefined {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
      const place = `${at === '' ? '' : `${at}/`}node_modules/${name}`;
      if (place in packages) return place;
      if (at === '') return undefined;
    }
  }
  function add(name: string, from: string): void {
    const place = placeOf(name, from);
    if (place === undefined) throw new Error(`package-lock.json does not hold ${name}`);
    if (place in wanted) return;
    const { dev: _dev, optional: _optional, peer: _peer, ...entry } = member(packages, place);
    wanted[place] = entry;
    for (const dependency of Object.keys(member(entry, 'dependencies'))) add(dependency, place);
  }
  for (const name of INSTALLED) add(name, '');
  const sorted = Object.fromEntries(Object.entries(wanted).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return {
    name: manifest['name'],
    version: manifest['version'],
    lockfileVersion: 3,
    requires: true,
    packages: { '': manifest, ...sorted },
  };
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
const sizes = await bundleFunctions(dist);
await bundleTio(`${dist}/tio.js`, project['version']);
const manifest = {
  name: 'tensorio-trigger',
  version: project['version'],
  private: true,
  license: 'Apache-2.0',
  type: 'module',
  main: 'index.js',
  engines: { node: '>=24' },
  dependencies: Object.fromEntries(INSTALLED.map((name) => [name, member(project, 'dependencies')[name]])),
};
await writeFile(`${dist}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
await writeFile(
  `${dist}/package-lock.json`,
  `${JSON.stringify(lockOf(await readJson('package-lock.json'), manifest), null, 2)}\n`,
);
await copyFile(`${root}.gcloudignore`, `${dist}/.gcloudignore`);
await copyFile(`${root}LICENSE`, `${dist}/LICENSE`);
const megabytes = (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1);
process.stdout.write(
  `dist/: index.js and ${sizes.length - 1} chunks, ${megabytes} MB; package.json, package-lock.json; tio.js\n`,
);
