import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder of the committed go.mod and go.sum. */
export const MODULE_FOLDER = join(import.meta.dirname, 'provider');

export const PROGRAM = 'terraform-provider-google';

/** The cache folder. It is outside the checkout, so that a clean clone does not build again. */
export const cacheFolder = (): string => {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'tensorio-trigger', PROGRAM);
};

const keyPrefix = (): string => {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum']) hash.update(readFileSync(join(MODULE_FOLDER, name)));
  return `${hash.digest('hex').slice(0, 16)}-go`;
};

const keySuffix = `-${process.platform}-${process.arch}`;

/** The folder for the build of the committed modules by `goVersion`. */
export const providerFolder = (goVersion: string): string =>
  join(cacheFolder(), `${keyPrefix()}${goVersion}${keySuffix}`);

/**
 * The folder with the provider: TERRAFORM_PROVIDER_GOOGLE, or the newest build of `npm run terraform:provider`; `null`
 * if there is none. Builds nothing.
 */
export const findProvider = (): string | null => {
  const given = process.env['TERRAFORM_PROVIDER_GOOGLE'] ?? '';
  if (given !== '') return existsSync(join(given, PROGRAM)) ? given : null;
  if (!existsSync(cacheFolder())) return null;
  const prefix = keyPrefix();
  const built = readdirSync(cacheFolder())
    .filter((name) => name.startsWith(prefix) && name.endsWith(keySuffix))
    .map((name) => join(cacheFolder(), name))
    .filter((folder) => existsSync(join(folder, PROGRAM)))
    .toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  return built[0] ?? null;
};
