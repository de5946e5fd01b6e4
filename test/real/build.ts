/**
 * Builds etcd, kube-apiserver and kube-controller-manager from Go modules, for tests against a real Kubernetes API.
 *
 *   node test/real/build.ts [--version v1.33.5]
 *
 * Progress goes to standard error; the folder with the programs is the last line of standard output.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { assetsFolder, cacheFolder, findMissing, isComplete, MODULE_FOLDER, pinnedVersion } from './assets.ts';
import { BuildError, checkGoVersion, findGoVersion, runGo, streamGo } from './go-tool.ts';
import { buildGoMod, isConsistent, isVersion, parseVersion, PROGRAMS } from './modules.ts';

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** The go.mod of a published version of Kubernetes. */
const fetchKubernetesGoMod = (version: string): string => {
  const answer: unknown = JSON.parse(runGo(['mod', 'download', '-json', `k8s.io/kubernetes@${version}`], '/'));
  if (typeof answer !== 'object' || answer === null || !('GoMod' in answer) || typeof answer.GoMod !== 'string') {
    throw new BuildError(`Go found no module k8s.io/kubernetes at ${version}.`);
  }
  return readFileSync(answer.GoMod, 'utf8');
};

/** Writes go.mod and go.sum for `version` into `folder`, by way of a folder of its own: both or none are changed. */
const writeModule = (folder: string, version: string, goVersion: string): void => {
  say(`Writing go.mod and go.sum for Kubernetes ${version} ...`);
  const goMod = buildGoMod(version, fetchKubernetesGoMod(version));
  checkGoVersion(goVersion, goMod);
  const partial = join(cacheFolder(), `module.partial-${process.pid}`);
  mkdirSync(partial, { recursive: true });
  try {
    writeFileSync(join(partial, 'go.mod'), goMod);
    // Not `mod tidy`: it downloads what the tests of the dependencies need, too.
    runGo(['list', '-mod=mod', '-deps', ...Object.values(PROGRAMS)], partial);
    mkdirSync(folder, { recursive: true });
    for (const name of ['go.sum', 'go.mod']) writeFileSync(join(folder, name), readFileSync(join(partial, name)));
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
};

/** The folder whose go.mod builds `version`: the committed one, or one made in the cache. */
const prepareModule = (version: string, goVersion: string): string => {
  const isPinned = version === pinnedVersion();
  const folder = isPinned ? MODULE_FOLDER : join(cacheFolder(), `module-${version}`);
  const isReady = ['go.mod', 'go.sum'].every((name) => existsSync(join(folder, name)));
  if (!isReady || !isConsistent(readFileSync(join(folder, 'go.mod'), 'utf8'))) writeModule(folder, version, goVersion);
  checkGoVersion(goVersion, readFileSync(join(folder, 'go.mod'), 'utf8'));
  return folder;
};

/** Without these the server says it is v0.0.0, and kubectl and the feature gates go by that. */
const buildLinkFlags = (version: string): string => {
  const name = 'k8s.io/component-base/version';
  return `-s -w -X ${name}.gitVersion=${version} -X ${name}.gitMajor=1 -X ${name}.gitMinor=${parseVersion(version).minor}`;
};

/** Tells how far the compiler is, every few seconds; it names each package that it did not find in its cache. */
const createProgress = (): { onLine: (line: string) => void; end: () => void } => {
  const startedAt = Date.now();
  let packages = 0;
  let last = 'starting';
  const tell = (): void => {
    const seconds = Math.round((Date.now() - startedAt) / 1_000);
    say(`  ${seconds} s: ${packages} packages compiled, at ${last}`);
  };
  const timer = setInterval(tell, 10_000);
  return {
    onLine: (line) => {
      last = line;
      if (!line.startsWith('go: ')) packages += 1;
    },
    end: () => {
      clearInterval(timer);
      tell();
    },
  };
};

/** Folders of builds that were killed. */
const removeLeftovers = (): void => {
  for (const name of readdirSync(cacheFolder())) {
    const pid = Number(/\.partial-(\d+)$/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(cacheFolder(), name), { recursive: true, force: true });
  }
};

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Compiles into a folder of another name, which gets its own only when all is there. */
const compile = async (moduleFolder: string, version: string, folder: string): Promise<void> => {
  const partial = join(dirname(folder), `${basename(folder)}.partial-${process.pid}`);
  mkdirSync(partial, { recursive: true });
  say(
    `Building etcd and Kubernetes ${version}: the first time takes some 10 minutes on 2 cores, 4 GB of disk, 2 GB of memory.`,
  );
  const progress = createProgress();
  const flags = ['-trimpath', '-buildvcs=false', '-ldflags', buildLinkFlags(version)];
  try {
    for (const [program, path] of Object.entries(PROGRAMS)) {
      say(`${program} ...`);
      await streamGo(['build', '-v', ...flags, '-o', join(partial, program), path], moduleFolder, progress.onLine);
    }
  } finally {
    progress.end();
  }
  if (!isComplete(folder)) {
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  }
};

const build = async (wanted: string | undefined): Promise<string> => {
  const given = process.env['KUBEBUILDER_ASSETS'];
  if (given !== undefined && given !== '') {
    const missing = findMissing(given);
    if (missing.length === 0) return given;
    throw new BuildError(`KUBEBUILDER_ASSETS is ${given}, where ${missing.join(', ')} cannot be found.`);
  }
  const version = wanted ?? pinnedVersion();
  if (!isVersion(version)) throw new BuildError(`"${version}" is not a Kubernetes release such as v1.36.3.`);
  const goVersion = findGoVersion();
  mkdirSync(cacheFolder(), { recursive: true });
  removeLeftovers();
  const moduleFolder = prepareModule(version, goVersion);
  const folder = assetsFolder(moduleFolder, version, goVersion);
  if (isComplete(folder)) say(`Kubernetes ${version} is built already.`);
  else await compile(moduleFolder, version, folder);
  return folder;
};

try {
  const { values } = parseArgs({ options: { version: { type: 'string' } } });
  process.stdout.write(`${await build(values.version)}\n`);
} catch (error) {
  if (!(error instanceof Error)) throw error;
  say(error instanceof BuildError || 'code' in error ? error.message : String(error.stack));
  process.exitCode = 1;
}
