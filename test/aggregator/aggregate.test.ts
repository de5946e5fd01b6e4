import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { findWrongMeans, measureUpdatesError, readMeans } from './expectations.ts';
import {
  average,
  copyFixture,
  fixture,
  flipByte,
  float32,
  makeFolder,
  readCheckpointAt,
  updatesOf,
  writeUpdate,
} from './harness.ts';

const bundles = async (): Promise<string[]> => {
  const folder = fixture('updates/tasksJobs/mnist-digits-v1');
  return (await readdir(folder)).map((name) => join(folder, name));
};

describe('the average of the real updates', () => {
  test.each(['cma', 'wcma'] as const)('as directories is what TensorFlow and numpy computed: %s', async (type) => {
    const folder = await makeFolder();
    await average(folder, await updatesOf('updates/directories'), { weighted: type === 'wcma' });
    expect(await measureUpdatesError(join(folder, 'out/checkpoint'), type)).toBeLessThan(1e-6);
  });

  test.each(['cma', 'wcma'] as const)('as bundles is what TensorFlow and numpy computed: %s', async (type) => {
    const folder = await makeFolder();
    const outcome = await average(folder, await bundles(), { weighted: type === 'wcma' });
    expect(outcome).toMatchObject({ updates: 12, weight: type === 'wcma' ? 3021 : 12 });
    expect(await measureUpdatesError(join(folder, 'out/checkpoint'), type)).toBeLessThan(1e-6);
  });

  test('of both layouts mixed is the same as of either', async () => {
    const folder = await makeFolder();
    await average(folder, [...(await bundles()), ...(await updatesOf('updates/directories'))], { weighted: true });
    expect(await measureUpdatesError(join(folder, 'out/checkpoint'), 'wcma')).toBeLessThan(1e-6);
  });
});

describe.each(['mixed', 'many'])('the average of the checkpoints in %s', (set) => {
  test.each(['cma', 'wcma'] as const)('is rounded to the nearest of each variable’s dtype: %s', async (type) => {
    const folder = await makeFolder();
    await average(folder, await updatesOf(`checkpoints/${set}`), { weighted: type === 'wcma' });
    expect(await findWrongMeans(join(folder, 'out/checkpoint'), await readMeans(set), type)).toEqual([]);
  });
});

describe('the output', () => {
  test('is one data file, the sum of the weights, and the index', async () => {
    const folder = await makeFolder();
    await average(folder, await updatesOf('checkpoints/mixed'), { weighted: true });
    expect((await readdir(join(folder, 'out'))).toSorted()).toEqual([
      'checkpoint.data-00000-of-00001',
      'checkpoint.index',
      'model.steps',
    ]);
    expect(await readFile(join(folder, 'out/model.steps'), 'utf8')).toBe('11');
  });

  test('of a second run replaces that of the first', async () => {
    const folder = await makeFolder();
    const one = await writeUpdate(folder, 'one', [float32('a', [1, 2, 3])]);
    const two = await writeUpdate(folder, 'two', [float32('b', [5])]);
    await average(folder, [one]);
    await average(folder, [two]);
    const variables = await readCheckpointAt(join(folder, 'out/checkpoint'));
    expect([...variables.keys()]).toEqual(['b']);
  });

  test('of the mean of one update is that update, byte by byte', async () => {
    const folder = await makeFolder();
    const update = fixture('updates/directories/update_0');
    await average(folder, [update]);
    const data = 'checkpoint.data-00000-of-00001';
    expect(await readFile(join(folder, 'out', data))).toEqual(await readFile(join(update, data)));
  });
});

describe('memory', () => {
  test('is that of a few updates, however many are averaged', async () => {
    const folder = await makeFolder();
    const megabyte = 2 ** 20;
    const path = await writeUpdate(folder, 'u', [
      float32(
        'a',
        Array.from({ length: megabyte / 2 }, (_, at) => at),
      ),
    ]);
    let peak = 0;
    const log = (): void => void (peak = Math.max(peak, process.memoryUsage().arrayBuffers));
    const before = process.memoryUsage().arrayBuffers;
    await average(
      folder,
      Array.from({ length: 300 }, () => path),
      { log },
    );
    // The mean in float64 is 4 MB, each update in flight 2 MB; all of them are 600 MB.
    expect(peak - before).toBeLessThan(40 * megabyte);
  });
});

describe('weights', () => {
  const values = async (
    folder: string,
    weighted: boolean,
    steps: readonly (string | null)[],
  ): Promise<number | undefined> => {
    const paths = await Promise.all(steps.map((text, at) => writeUpdate(folder, `u${at}`, [float32('a', [at])], text)));
    await average(folder, paths, { weighted });
    return (await readCheckpointAt(join(folder, 'out/checkpoint'))).get('a')?.values?.[0];
  };

  test('count in wcma, an update of weight 0 not at all', async () => {
    expect(await values(await makeFolder(), true, ['0', '1', '3\n'])).toBe((1 + 2 * 3) / 4);
  });

  test('do not count in cma, where none is needed', async () => {
    expect(await values(await makeFolder(), false, ['0', null, '3'])).toBe(1);
  });

  test.each([
    ['all 0', ['0', '0'], 'the sum of all weights is 0, so there is no average'],
    ['negative', ['1', '-2'], 'model.steps is "-2", which is no integer of 0 or more'],
    ['no integer', ['1', '2.5'], 'model.steps is "2.5", which is no integer of 0 or more'],
    ['too large', ['1', '99999999999999999999'], 'which is no integer of 0 or more'],
    ['too large in all', ['9007199254740991', '9007199254740991'], 'the sum of the weights is too large'],
    ['empty', ['1', ''], 'model.steps is ""'],
    ['missing', ['1', null], 'it has no weight (numSamples, model.steps), which wcma needs'],
  ])('that are %s are refused', async (_, steps, reason) => {
    await expect(values(await makeFolder(), true, steps)).rejects.toThrow(reason);
  });
});

interface Case {
  readonly folder: string;
  /** A sound update, as all are before the second of them is damaged. */
  readonly path: string;
}

const A = [float32('a', [1, 2]), float32('b', [3])];

/** Averages a sound update and one that `damage` made odd: the path it returns, or the given one. */
const averageDamaged = async (damage: (update: Case) => Promise<string | void>): Promise<unknown> => {
  const folder = await makeFolder();
  const sound = await writeUpdate(folder, 'sound', A);
  const path = await writeUpdate(folder, 'odd', A);
  return average(folder, [sound, (await damage({ folder, path })) ?? path], { weighted: true });
};

const DATA = 'checkpoint.data-00000-of-00001';
const rewrite =
  (variables: Parameters<typeof writeUpdate>[2]) =>
  async ({ folder }: Case) =>
    void (await writeUpdate(folder, 'odd', variables));

describe('a directory is refused, by its path, its line and the reason', () => {
  test.each<[string, (update: Case) => Promise<string | void>, string]>([
    ['that is missing', async ({ path }) => rm(path, { recursive: true }), 'it does not exist'],
    [
      'that is empty',
      async ({ path }) => {
        await rm(path, { recursive: true });
        await writeUpdate(path, '.', A);
        for (const name of await readdir(path)) await rm(join(path, name));
      },
      'it does not exist, or is empty',
    ],
    [
      'without an index',
      async ({ path }) => rm(join(path, 'checkpoint.index')),
      'it holds no checkpoint (no .index file)',
    ],
    [
      'with two indexes',
      async ({ path }) => writeFile(join(path, 'b.index'), ''),
      'it holds 2 checkpoints: b.index, checkpoint.index',
    ],
    ['without its data file', async ({ path }) => rm(join(path, DATA)), `"${DATA}": it does not exist`],
    [
      'with a cut data file',
      async ({ path }) => truncate(join(path, DATA), 6),
      'variable "a": its data file ends at byte 6, it would be at 0 to 8',
    ],
    [
      'with a corrupt tensor',
      async ({ path }) => flipByte(join(path, DATA), 9),
      'variable "b": its bytes are corrupt: crc32c is 0x',
    ],
    [
      'with a corrupt index',
      async ({ path }) => flipByte(join(path, 'checkpoint.index'), 5),
      'its index: its block at byte 0: its crc32c does not match',
    ],
    [
      'with a cut index',
      async ({ path }) => truncate(join(path, 'checkpoint.index'), 100),
      'its index: it does not end as a checkpoint index does',
    ],
    [
      'with another kind of index',
      async ({ path }) => writeFile(join(path, 'checkpoint.index'), 'x'),
      'its index: it is too short',
    ],
    ['without a variable', rewrite([float32('a', [1, 2])]), 'variable "b": it is missing, the first update has it'],
    [
      'with an extra variable',
      rewrite([...A, float32('c', [1])]),
      'variable "c": it is extra, the first update does not have it',
    ],
    [
      'with another shape',
      rewrite([float32('a', [1, 2], [2, 1]), float32('b', [3])]),
      'variable "a": its shape is [2,1], in the first update it is [2]',
    ],
    [
      'with another dtype',
      rewrite([{ name: 'a', dtype: 2, shape: [2], encode: () => new Uint8Array(16) }, float32('b', [3])]),
      'variable "a": it is float64, in the first update it is float32',
    ],
    [
      'with a NaN',
      rewrite([float32('a', [1, Number.NaN]), float32('b', [3])]),
      'variable "a": its element 1 of 2 is NaN or infinite',
    ],
    [
      'with an infinity',
      rewrite([float32('a', [1, 2]), float32('b', [-Infinity])]),
      'variable "b": its element 0 of 1 is NaN or infinite',
    ],
    ['that is the output', async ({ folder }) => join(folder, 'out/'), 'it is the output path, which would replace it'],
    ['that is a file', async ({ path }) => join(path, DATA), 'a part of its path is not a directory'],
  ])('%s', async (_, damage, reason) => {
    await expect(averageDamaged(damage)).rejects.toThrow(/^update "[^"]+" \(line 2 of the list\): /);
    await expect(averageDamaged(damage)).rejects.toThrow(reason);
  });

  test('if the corrupt string tensor is of the object graph', async () => {
    const folder = await makeFolder();
    const path = await copyFixture(folder, 'checkpoints/object-graph/update_1');
    await flipByte(join(path, DATA), -3);
    await expect(average(folder, [path])).rejects.toThrow(/variable ".+": its bytes are corrupt/);
  });

  test('if its index says `initial`, which does not count', async () => {
    const folder = await makeFolder();
    const path = await writeUpdate(folder, 'u', A);
    await writeFile(join(path, 'initial.index'), 'not even an index');
    expect(await average(folder, [path])).toMatchObject({ updates: 1 });
  });

  test('if a variable is of a kind that has no average here', async () => {
    const folder = await makeFolder();
    const path = await writeUpdate(folder, 'u', [{ name: 'z', dtype: 8, shape: [], encode: () => new Uint8Array(8) }]);
    await expect(average(folder, [path])).rejects.toThrow('variable "z": complex64 cannot be averaged here');
  });
});

const writeBundle = async (folder: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> => {
  const path = join(folder, 'odd.zip');
  await writeFile(
    path,
    zipSync(Object.fromEntries(Object.entries(files).map(([name, data]) => [name, Buffer.from(data)]))),
  );
  return path;
};

/** The files of a sound bundle `odd.zip`. */
const filesOf = async ({ path }: Case): Promise<Record<string, Uint8Array | string>> => ({
  'odd/result.json': '{"numSamples": 3}',
  'odd/checkpoints/checkpoint.index': await readFile(join(path, 'checkpoint.index')),
  [`odd/checkpoints/${DATA}`]: await readFile(join(path, DATA)),
});

const bundleWith =
  (changes: Readonly<Record<string, string | undefined>>) =>
  async (update: Case): Promise<string> => {
    const files = Object.entries({ ...(await filesOf(update)), ...changes });
    return writeBundle(
      update.folder,
      Object.fromEntries(files.flatMap(([name, data]) => (data === undefined ? [] : [[name, data]]))),
    );
  };

describe('a bundle', () => {
  test('that is sound is averaged', async () => {
    expect(await averageDamaged(bundleWith({}))).toMatchObject({ updates: 2, weight: 4 });
  });

  test.each(['odd.tioresult', 'another'])('whose folder is named %s is averaged', async (name) => {
    const renamed = async (update: Case): Promise<string> => {
      const files = Object.entries(await filesOf(update));
      return writeBundle(
        update.folder,
        Object.fromEntries(files.map(([file, data]) => [file.replace(/^odd\//, `${name}/`), data])),
      );
    };
    expect(await averageDamaged(renamed)).toMatchObject({ updates: 2, weight: 4 });
  });

  test('with paths that lead out of it is read, and they are not written', async () => {
    expect(await averageDamaged(bundleWith({ '../../evil.txt': 'x', '/evil.txt': 'x' }))).toMatchObject({ updates: 2 });
  });

  test.each<[string, (update: Case) => Promise<string>, string]>([
    ['that is missing', async ({ folder }) => join(folder, 'none.zip'), 'it does not exist'],
    [
      'that is no zip',
      async ({ folder, path }) => (await writeFile(join(folder, 'odd.zip'), path), join(folder, 'odd.zip')),
      'it is not a whole zip file',
    ],
    [
      'with two folders of results',
      bundleWith({ 'other/result.json': '{}' }),
      'it holds 2 folders with a result.json, instead of one',
    ],
    [
      'without result.json',
      bundleWith({ 'odd/result.json': undefined }),
      '"result.json": no folder of the zip holds it',
    ],
    ['whose result.json is no JSON', bundleWith({ 'odd/result.json': '{' }), 'result.json is not JSON'],
    ['whose result.json is a list', bundleWith({ 'odd/result.json': '[1]' }), 'result.json is not a JSON object'],
    [
      'whose numSamples is a text',
      bundleWith({ 'odd/result.json': '{"numSamples": "3"}' }),
      'numSamples of result.json is "3", which is no integer of 0 or more',
    ],
    [
      'whose numSamples is negative',
      bundleWith({ 'odd/result.json': '{"numSamples": -1}' }),
      'numSamples of result.json is -1',
    ],
    ['without numSamples', bundleWith({ 'odd/result.json': '{}' }), 'it has no weight'],
    [
      'without a checkpoint',
      bundleWith({ 'odd/checkpoints/checkpoint.index': undefined }),
      'its folder checkpoints holds no checkpoint',
    ],
    ['without its data file', bundleWith({ [`odd/checkpoints/${DATA}`]: undefined }), `"${DATA}": `],
  ])('%s is refused, by its path, its line and the reason', async (_, damage, reason) => {
    await expect(averageDamaged(damage)).rejects.toThrow(/^update "[^"]+\.zip" \(line 2 of the list\): /);
    await expect(averageDamaged(damage)).rejects.toThrow(reason);
  });
});
