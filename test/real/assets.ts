import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseRequired, PROGRAMS } from './modules.ts';

/** The folder of the committed go.mod. */
export const MODULE_FOLDER = import.meta.dirname;

/** Outside the checkout, so that a clean clone does not build again. */
export const cacheFolder = (): string => {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'tensorio-trigger', 'real');
};

/** The Kubernetes version that the committed go.mod names. */
export const pinnedVersion = (): string => {
  const version = parseRequired(readFileSync(join(MODULE_FOLDER, 'go.mod'), 'utf8'), 'k8s.io/kubernetes');
  if (version === null) throw new Error('test/real/go.mod does not require k8s.io/kubernetes.');
  return version;
};

/** What the binaries of one go.sum and Kubernetes version are cached under; the Go version follows it. */
const buildPrefix = (moduleFolder: string, version: string): string => {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(moduleFolder, name)));
  return `${version}-${hash.digest('hex').slice(0, 16)}-go`;
};

/** The folder for the binaries that `goVersion` builds of a module folder. */
export const assetsFolder = (moduleFolder: string, version: string, goVersion: string): string =>
  join(cacheFolder(), `${buildPrefix(moduleFolder, version)}${goVersion}-${process.platform}-${process.arch}`);

/** Whether a folder holds all programs. */
export const isComplete = (folder: string): boolean =>
  Object.keys(PROGRAMS).every((program) => existsSync(join(folder, program)));

/** The names that are missing in a folder, for a message. */
export const findMissing = (folder: string): string[] =>
  Object.keys(PROGRAMS).filter((program) => !existsSync(join(folder, program)));

/**
 * The folder with `etcd`, `kube-apiserver` and `kube-controller-manager`: KUBEBUILDER_ASSETS, or what
 * `npm run real:build` made (by whichever Go was the last); `null` when there is none. Builds nothing.
 */
export const assetsDir = (): string | null => {
  const given = process.env['KUBEBUILDER_ASSETS'];
  if (given !== undefined && given !== '') return isComplete(given) ? given : null;
  if (!existsSync(cacheFolder())) return null;
  const prefix = buildPrefix(MODULE_FOLDER, pinnedVersion());
  const suffix = `-${process.platform}-${process.arch}`;
  const built = readdirSync(cacheFolder())
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
    .map((name) => join(cacheFolder(), name))
    .filter(isComplete)
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return built[0] ?? null;
};
