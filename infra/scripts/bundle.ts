import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { build } from 'esbuild';
import { lazyBuiltins, leanClientNode } from './lean-bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Never bundled. The framework keeps the registered functions in module state, and a bundled copy would be another one.
 * It loads express before the functions: a bundled copy would be loaded a second time.
 */
export const INSTALLED: readonly string[] = ['@google-cloud/functions-framework', 'express'];

const COMMON = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Bundled CommonJS asks for built-in modules by `require`, which a module of ES does not have.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
} satisfies BuildOptions;

/** Writes `index.js` and the files that it loads when they are first needed to `folder`. Returns their sizes in bytes. */
export async function bundleFunctions(folder: string): Promise<readonly number[]> {
  const { metafile } = await build({
    ...COMMON,
    entryPoints: [`${root}src/index.ts`],
    outdir: folder,
    splitting: true,
    chunkNames: '[name]-[hash]',
    sourcemap: true,
    // Names are kept: stacks in the log stay readable.
    minifyWhitespace: true,
    legalComments: 'linked',
    external: [...INSTALLED],
    plugins: [leanClientNode, lazyBuiltins],
    metafile: true,
  });
  return Object.entries(metafile.outputs).flatMap(([file, { bytes }]) => (file.endsWith('.js') ? [bytes] : []));
}

/** Bundles `entry` of the project into one file for Node 24. */
export async function bundle(entry: string, outfile: string, options: BuildOptions = {}): Promise<void> {
  await build({ ...COMMON, entryPoints: [`${root}${entry}`], outfile, ...options });
}

/** Bundles the command line. */
export async function bundleTio(outfile: string, version: unknown): Promise<void> {
  await bundle('src/cli/tio.ts', outfile, { define: { TIO_VERSION: JSON.stringify(version) } });
}
