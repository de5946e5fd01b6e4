import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles `entry` of the project into one file for Node 24. */
export async function bundle(entry: string, outfile: string, options: BuildOptions = {}): Promise<void> {
  await build({
    entryPoints: [`${root}${entry}`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Bundled CommonJS asks for built-in modules by `require`, which a module of ES does not have.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
    ...options,
  });
}

/** Bundles the command line. */
export async function bundleTio(outfile: string, version: unknown): Promise<void> {
  await bundle('src/cli/tio.ts', outfile, { define: { TIO_VERSION: JSON.stringify(version) } });
}
