import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Outcome } from '../../src/aggregator/aggregate.ts';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import type { CheckpointVariable } from '../../src/aggregator/checkpoint.ts';
import { readCheckpoint } from '../../src/aggregator/checkpoint.ts';
import { createFindStore } from '../../src/aggregator/paths.ts';
import { parseSettings } from '../../src/aggregator/settings.ts';
import type { OutputVariable } from '../../src/aggregator/tensor-bundle-writer.ts';
import { createBundleWriter } from '../../src/aggregator/tensor-bundle-writer.ts';
import { dataFileName } from '../../src/aggregator/tensor-bundle-reader.ts';

const MAIN = fileURLToPath(new URL('../../src/aggregator/main.ts', import.meta.url));

/** Of the project's fixtures. */
export const fixture = (path: string): string =>
  fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url)).replace(/\/$/, '');

/** A folder that is removed at the end of the test. */
export const makeFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'aggregator-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the aggregator as a Job does: by its environment, which is all that it gets. */
export const runProcess = (environment: Readonly<Record<string, string>>): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });

export interface AverageOptions {
  readonly weighted?: boolean;
  readonly log?: (line: string) => void;
}

/** Averages the updates at `paths` in this process, into `folder`/out. */
export const average = async (
  folder: string,
  paths: readonly string[],
  { weighted = false, log = () => undefined }: AverageOptions = {},
): Promise<Outcome> => {
  const listPath = join(folder, 'list.txt');
  await writeFile(listPath, paths.join('\n'));
  const environment = {
    AGGREGATION_TYPE: weighted ? 'wcma' : 'cma',
    AGGREGATION_CKPTS_FILELIST: listPath,
    AGGREGATION_OUTPUT_PATH: join(folder, 'out'),
  };
  return aggregate({ settings: parseSettings(environment), findStore: createFindStore(undefined), log });
};

/** The checkpoint `prefix`.index and its data files. */
export const readCheckpointAt = async (prefix: string): Promise<Map<string, CheckpointVariable>> =>
  readCheckpoint({
    index: await readFile(`${prefix}.index`),
    shard: (shard, shards) => readFile(dataFileName(prefix, shard, shards)),
  });

/** A float32 variable. */
export const float32 = (name: string, values: readonly number[], shape: readonly number[] = [values.length]) => ({
  name,
  dtype: 1,
  shape,
  encode: () => new Uint8Array(Float32Array.from(values).buffer),
});

/** Writes `variables` as an update directory and returns its path. */
export const writeUpdate = async (
  folder: string,
  name: string,
  variables: readonly OutputVariable[],
  steps: string | null = '1',
): Promise<string> => {
  const directory = join(folder, name);
  const writer = createBundleWriter(variables);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'checkpoint.data-00000-of-00001'), Buffer.concat([...writer.data()]));
  await writeFile(join(directory, 'checkpoint.index'), writer.index());
  if (steps !== null) await writeFile(join(directory, 'model.steps'), steps);
  return directory;
};

/** A copy of a fixture's folder, for a test to damage. */
export const copyFixture = async (folder: string, path: string): Promise<string> => {
  const copy = join(folder, path.replaceAll('/', '_'));
  await cp(fixture(path), copy, { recursive: true });
  return copy;
};

/** Changes the byte at `at` (from the end if negative) of a file. */
export const flipByte = async (path: string, at: number): Promise<void> => {
  const bytes = await readFile(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 0x40;
  await writeFile(path, bytes);
};

/** The folders `update_0`, `update_1`, … of a fixture, in that order. */
export const updatesOf = async (path: string): Promise<string[]> => {
  const names = (await readdir(fixture(path))).filter((name) => name.startsWith('update_'));
  return names.map((_, at) => join(fixture(path), `update_${at}`));
};

/** What `work` returned, or what it threw. */
export const endOf = <T>(work: () => T): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};
