import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Means } from './expectations.ts';
import { readMeans } from './expectations.ts';
import { average, fixture, makeFolder, readCheckpointAt, updatesOf } from './harness.ts';

const PYTHON = process.env['TENSORFLOW_PYTHON'] ?? 'python3';
const SCRIPT = fileURLToPath(new URL('tensorflow-read.py', import.meta.url));
// Whether it is installed, without the ten seconds that its import takes.
const FIND = 'import sys, importlib.util; sys.exit(importlib.util.find_spec("tensorflow") is None)';
const hasTensorFlow = spawnSync(PYTHON, ['-c', FIND]).status === 0;
const SKIPPED = hasTensorFlow
  ? ''
  : ` (skipped: ${PYTHON} has no tensorflow; TENSORFLOW_PYTHON may name a Python that has)`;

const VariablesSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.number()),
    values: z.array(z.union([z.number(), z.boolean(), z.string()])),
  }),
);
const RestoredSchema = z.object({ kernel: z.array(z.number()), label: z.string() });

const tensorFlow = async (...args: string[]): Promise<unknown> => {
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, ...args], { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
};

const averageSet = async (set: string): Promise<string> => {
  const folder = await makeFolder();
  await average(folder, await updatesOf(set), { weighted: true });
  return join(folder, 'out/checkpoint');
};

const carriedOf = (means: Means) =>
  Object.entries(means).flatMap(([name, { carried }]) => (carried === undefined ? [] : [[name, carried]]));

describe.skipIf(!hasTensorFlow)(`TensorFlow${SKIPPED}`, () => {
  test.each(['updates/directories', 'checkpoints/mixed', 'checkpoints/many', 'checkpoints/object-graph'])(
    'loads the average of %s, with the values that our own reader reads',
    async (set) => {
      const prefix = await averageSet(set);
      const variables = VariablesSchema.parse(await tensorFlow(prefix));
      const ours = await readCheckpointAt(prefix);
      expect(Object.keys(variables).toSorted()).toEqual([...ours.keys()].toSorted());
      for (const [name, { dtype, shape, values }] of ours) {
        expect(variables[name]).toMatchObject({ dtype, shape, ...(values !== null && { values: [...values] }) });
      }
    },
  );

  test('reads the carried-over integers, bools and strings of the first update', async () => {
    const variables = VariablesSchema.parse(await tensorFlow(await averageSet('checkpoints/mixed')));
    const carried = carriedOf(await readMeans('mixed'));
    expect(carried.map(([name]) => [name, variables[String(name)]?.values])).toEqual(carried);
  });

  test('restores a model, its optimizer and all by the object graph', async () => {
    const prefix = await averageSet('checkpoints/object-graph');
    const { kernel, label } = RestoredSchema.parse(await tensorFlow(prefix, 'restore'));
    const name = 'model/kernel/.ATTRIBUTES/VARIABLE_VALUE';
    const [first, second] = await Promise.all(
      [0, 1].map((at) => readCheckpointAt(fixture(`checkpoints/object-graph/update_${at}/checkpoint`))),
    );
    const mean = [...(first?.get(name)?.values ?? [])].map(
      (value, at) => (3 * value + (second?.get(name)?.values?.[at] ?? Number.NaN)) / 4,
    );
    expect(
      kernel.map((value, at) => Math.abs(value - (mean[at] ?? Number.NaN))).filter((off) => !(off < 1e-6)),
    ).toEqual([]);
    expect([kernel.length, label]).toEqual([12, 'device 0']);
  });
});
