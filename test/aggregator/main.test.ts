import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measureUpdatesError } from './expectations.ts';
import { fixture, float32, makeFolder, runProcess, updatesOf, writeUpdate } from './harness.ts';

// A process each, on machines that may be busy.

const environmentFor = async (paths: readonly string[]): Promise<Record<string, string>> => {
  const folder = await makeFolder();
  const list = join(folder, 'list.txt');
  await writeFile(list, paths.join('\n'));
  return {
    AGGREGATION_TYPE: 'wcma',
    AGGREGATION_CKPTS_FILELIST: list,
    AGGREGATION_OUTPUT_PATH: join(folder, 'deep/out/'),
  };
};

const later = {
  AGGREGATION_TYPE: 'WeightedCumulativeMovingAverage',
  AGGREGATION_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/c',
  AGGREGATION_OUTPUT_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/d',
  REPOSITORY: 'http://repository.local/rest',
  TENSORIO_MODELS_TOKEN: 'models-secret',
  REPOSITORY_API_KEY: 'api-secret',
  AGGREGATION_EXPORT_TYPE: 'checkpoint',
};

describe('the process', () => {
  test('averages what its environment says, tells its progress and ends with 0', async () => {
    const environment = await environmentFor(await updatesOf('updates/directories'));
    const { code, stdout, stderr } = await runProcess(environment);
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^Averaging 12 updates of .+list\.txt by wcma, weighted by samples$/);
    expect(lines[1]).toBe('The first update gives the variables: 6 to average, 1 carried over from it');
    expect(lines[2]).toBe('1 of 12 updates averaged');
    expect(lines[13]).toBe('12 of 12 updates averaged');
    expect(lines[14]).toMatch(
      /^Averaged 12 updates, sum of weights 3021, into .+deep\/out\/checkpoint\.index in \d+\.\d s$/,
    );
    const out = environment['AGGREGATION_OUTPUT_PATH'] ?? '';
    expect(await measureUpdatesError(join(out, 'checkpoint'), 'wcma')).toBeLessThan(1e-6);
    expect(await readFile(join(out, 'model.steps'), 'utf8')).toBe('3021');
  });

  test('tells the progress of many updates at every twentieth', async () => {
    const [update = ''] = await updatesOf('updates/directories');
    const { stdout } = await runProcess(await environmentFor(Array.from({ length: 100 }, () => update)));
    const progress = stdout.split('\n').filter((line) => line.endsWith('updates averaged'));
    expect(progress).toEqual(Array.from({ length: 20 }, (_, at) => `${(at + 1) * 5} of 100 updates averaged`));
  });

  test('of the later interface says where its canonical checkpoint is from, and writes no model.steps', async () => {
    const bundles = fixture('updates/tasksJobs/mnist-digits-v1');
    const names = (await readdir(bundles)).map((name) => join(bundles, name));
    const environment: Record<string, string> = { ...(await environmentFor(names)), ...later };
    const { code, stdout, stderr } = await runProcess(environment);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(
      'The canonical checkpoint is that of the first update; it is not downloaded from the repository at http://repository.local/rest',
    );
    expect(stdout).not.toContain('secret');
    expect((await readdir(environment['AGGREGATION_OUTPUT_PATH'] ?? '')).toSorted()).toEqual([
      'checkpoint.data-00000-of-00001',
      'checkpoint.index',
    ]);
  });
});

const failing = async (environment: Readonly<Record<string, string>>): Promise<string> => {
  const { code, stderr } = await runProcess(environment);
  expect(code).toBe(1);
  expect(stderr.trimEnd()).not.toContain('\n');
  return stderr.trimEnd();
};

describe('the process ends with 1 and one line', () => {
  test('that names the update, its line, the variable and the reason', async () => {
    const folder = await makeFolder();
    const sound = await writeUpdate(folder, 'sound', [float32('a', [1])]);
    const odd = await writeUpdate(folder, 'odd', [float32('a', [Number.NaN])]);
    const environment = await environmentFor([sound, '', odd]);
    expect(await failing(environment)).toBe(
      `Aggregation failed: update "${odd}" (line 3 of the list): variable "a": its element 0 of 1 is NaN or infinite`,
    );
    expect(await readdir(environment['AGGREGATION_OUTPUT_PATH'] ?? '')).toEqual([]);
  });

  test('that names what is wrong with its environment', async () => {
    expect(await failing({ AGGREGATION_TYPE: 'mean' })).toBe(
      'Aggregation failed: AGGREGATION_CKPTS_FILELIST is not set; AGGREGATION_OUTPUT_PATH is not set; ' +
        'AGGREGATION_TYPE is "mean", it must be one of cma, wcma, CumulativeMovingAverage, WeightedCumulativeMovingAverage',
    );
  });

  test('if the list is empty, or is not there', async () => {
    const environment = await environmentFor(['', '']);
    expect(await failing(environment)).toMatch(/^Aggregation failed: list ".+list\.txt": it names no update$/);
    expect(await failing({ ...environment, AGGREGATION_CKPTS_FILELIST: '/nowhere/list.txt' })).toBe(
      'Aggregation failed: list "/nowhere/list.txt": it does not exist',
    );
  });

  test('if the credentials are not there', async () => {
    const environment = { ...(await environmentFor(['a'])), GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/sacred.json' };
    expect(await failing(environment)).toBe(
      'Aggregation failed: GOOGLE_APPLICATION_CREDENTIALS "/nowhere/sacred.json": it does not exist',
    );
  });

  test('if the output is not to be written to, before any update is read', async () => {
    const environment = await environmentFor(['/nowhere']);
    const file = join(await makeFolder(), 'file');
    await writeFile(file, '');
    expect(await failing({ ...environment, AGGREGATION_OUTPUT_PATH: join(file, 'out') })).toBe(
      `Aggregation failed: output "${file}/out": a part of its path is not a directory`,
    );
  });

  // Root may write anywhere.
  test.skipIf(process.getuid?.() === 0)('if the output is read-only', async () => {
    const folder = join(await makeFolder(), 'read-only');
    await mkdir(folder);
    await chmod(folder, 0o500);
    const environment = await environmentFor(['/nowhere']);
    expect(await failing({ ...environment, AGGREGATION_OUTPUT_PATH: folder })).toContain('permission denied');
  });
});
