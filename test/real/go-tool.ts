import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseGoVersion } from './modules.ts';

/** A sentence for the person who runs the build; anything else is a bug and shows its stack. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

/** Static binaries of this machine's kind, whatever the caller's Go is set to. */
const goEnvironment = (): NodeJS.ProcessEnv => {
  const { GOOS: _os, GOARCH: _arch, GOWORK: _work, ...rest } = process.env;
  return { ...rest, CGO_ENABLED: '0', GOWORK: 'off' };
};

/** What a go command prints; throws BuildError with the last words of its standard error. */
export const runGo = (args: readonly string[], cwd: string): string => {
  try {
    return execFileSync('go', args, {
      cwd,
      env: goEnvironment(),
      encoding: 'utf8',
      maxBuffer: 1e8,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const stderr =
      error instanceof Error && 'stderr' in error ? String(error.stderr).trim().slice(-2_000) : String(error);
    throw new BuildError(`go ${args.join(' ')} failed:\n${stderr}`);
  }
};

/** Runs a go command, giving each line of its standard error to `onLine`; throws BuildError when it fails. */
export const streamGo = async (args: readonly string[], cwd: string, onLine: (line: string) => void): Promise<void> => {
  const child = spawn('go', args, { cwd, env: goEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] });
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > 30) tail.shift();
    onLine(line);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new BuildError(`go ${args.slice(0, 2).join(' ')} failed:\n${tail.join('\n')}`);
};

const HOW_TO_GET =
  'Get Go from https://go.dev/dl/ ; or set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kube-controller-manager.';

/** The version of the Go on this machine, such as `1.26.8`; throws BuildError when there is none. */
export const findGoVersion = (): string => {
  try {
    const text = execFileSync('go', ['env', 'GOVERSION'], {
      encoding: 'utf8',
      env: { ...goEnvironment(), GOTOOLCHAIN: 'local' },
    });
    return text.trim().replace(/^go/, '');
  } catch {
    throw new BuildError(`The real servers are built from Go modules, and there is no "go" on the PATH. ${HOW_TO_GET}`);
  }
};

const isOlder = (version: string, than: string): boolean => {
  const [a, b] = [version, than].map((each) => each.split('.').map((part) => Number.parseInt(part, 10)));
  for (const index of [0, 1, 2]) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
};

/** Throws BuildError when this Go is older than a go.mod text asks for and may not fetch a newer one by itself. */
export const checkGoVersion = (version: string, goMod: string): void => {
  const needed = parseGoVersion(goMod);
  if (!isOlder(version, needed)) return;
  const toolchain = execFileSync('go', ['env', 'GOTOOLCHAIN'], { encoding: 'utf8' }).trim();
  const fetchesNewer = !isOlder(version, '1.21') && toolchain !== 'local';
  if (fetchesNewer) return;
  throw new BuildError(
    `Go ${version} is too old for this version of Kubernetes, which needs ${needed} or newer. ${HOW_TO_GET}`,
  );
};
