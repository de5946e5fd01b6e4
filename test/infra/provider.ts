/**
 * Builds the Terraform provider hashicorp/google from its Go module, for `terraform validate` and `terraform test`. It
 * works without access to the Terraform registry, and go.sum pins the version.
 *
 *   npm run terraform:provider
 *
 * Progress goes to standard error; the folder with the provider is the last line of standard output.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BuildError, streamGo } from '../real/go-tool.ts';
import { parseGoVersion } from '../real/modules.ts';
import { cacheFolder, MODULE_FOLDER, PROGRAM, providerFolder } from './provider-folder.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const HOW_TO_GET =
  'Get Go from https://go.dev/dl/ ; or set TERRAFORM_PROVIDER_GOOGLE to a folder that holds terraform-provider-google.';

/** The Go version that builds, such as `1.26.8`. Go downloads the version that go.mod requires, if it may. */
const findGoVersion = (): string => {
  try {
    const version = execFileSync('go', ['env', 'GOVERSION'], { cwd: MODULE_FOLDER, encoding: 'utf8', stdio: 'pipe' });
    return version.trim().replace(/^go/, '');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const needed = parseGoVersion(readFileSync(join(MODULE_FOLDER, 'go.mod'), 'utf8'));
    throw new BuildError(
      isMissing
        ? `The Terraform provider is built from its Go module, and there is no "go" on the PATH. ${HOW_TO_GET}`
        : `The Go on the PATH cannot build the Terraform provider, which needs Go ${needed} or newer. ${HOW_TO_GET}`,
    );
  }
};

/** Compiles into a temporary folder, which is renamed when the program exists. */
const compile = async (folder: string): Promise<void> => {
  const partial = `${folder}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  say('Building terraform-provider-google: the first time takes some 5 minutes on 2 cores, and 3 GB of memory.');
  const startedAt = Date.now();
  let packages = 0;
  const timer = setInterval(() => {
    say(`  ${Math.round((Date.now() - startedAt) / 1_000)} s: ${packages} packages compiled`);
  }, 10_000);
  const flags = ['-v', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w'];
  try {
    const args = ['build', ...flags, '-o', join(partial, PROGRAM), `github.com/hashicorp/${PROGRAM}`];
    await streamGo(args, MODULE_FOLDER, (line) => {
      if (!line.startsWith('go: ')) packages += 1;
    });
    if (!existsSync(folder)) renameSync(partial, folder);
  } finally {
    clearInterval(timer);
    rmSync(partial, { recursive: true, force: true });
  }
};

const build = async (): Promise<string> => {
  const given = process.env['TERRAFORM_PROVIDER_GOOGLE'] ?? '';
  if (given !== '') {
    if (existsSync(join(given, PROGRAM))) return given;
    throw new BuildError(`TERRAFORM_PROVIDER_GOOGLE is ${given}, which does not contain ${PROGRAM}.`);
  }
  const folder = providerFolder(findGoVersion());
  mkdirSync(cacheFolder(), { recursive: true });
  if (existsSync(join(folder, PROGRAM))) say(`${basename(folder)} is built already.`);
  else await compile(folder);
  return folder;
};

try {
  process.stdout.write(`${await build()}\n`);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  say(error instanceof BuildError || 'code' in error ? error.message : String(error.stack));
  process.exitCode = 1;
}
