import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { fixture, readCheckpointAt } from './harness.ts';

const UpdatesSchema = z.object({
  dtypes: z.record(z.string(), z.string()),
  shapes: z.record(z.string(), z.array(z.number())),
  cma: z.record(z.string(), z.array(z.number())),
  wcma: z.record(z.string(), z.array(z.number())),
});

const MeansSchema = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.number()),
    cma: z.array(z.number()).optional(),
    wcma: z.array(z.number()).optional(),
    carried: z.array(z.union([z.number(), z.boolean(), z.string()])).optional(),
  }),
);

/** The averages that numpy computed, by variable, in float64 (`cma`, `wcma`), or what is carried over. */
export type Means = z.infer<typeof MeansSchema>;

export const readMeans = async (set: string): Promise<Means> =>
  MeansSchema.parse(JSON.parse(await readFile(fixture(`checkpoints/${set}/expected.json`), 'utf8')));

/** Bits of fraction, and the exponent below which numbers are subnormal. */
const PRECISION: Readonly<Record<string, readonly [number, number]>> = {
  float16: [10, -14],
  bfloat16: [7, -126],
  float32: [23, -126],
};

/** Half a step of `dtype` at `value`, and a hair; for float64, whose order of summing shows, a few steps of the largest addend. */
const tolerance = (dtype: string, value: number): number => {
  const precision = PRECISION[dtype];
  if (precision === undefined) return 1e-13;
  const [bits, smallest] = precision;
  const exponent = value === 0 ? smallest : Math.max(Math.floor(Math.log2(Math.abs(value))), smallest);
  return 2 ** (exponent - bits - 1) * (1 + 1e-9);
};

/** The variables of the checkpoint `prefix` that are not the means of `type`, each rounded to the nearest of its dtype. */
export const findWrongMeans = async (prefix: string, means: Means, type: 'cma' | 'wcma'): Promise<string[]> => {
  const variables = await readCheckpointAt(prefix);
  const isRight = (name: string): boolean => {
    const [expected, actual] = [means[name], variables.get(name)];
    if (expected === undefined || actual?.dtype !== expected.dtype) return false;
    if (actual.shape.join() !== expected.shape.join()) return false;
    return (expected[type] ?? []).every(
      (value, at) => Math.abs(value - (actual.values?.[at] ?? Number.NaN)) <= tolerance(expected.dtype, value),
    );
  };
  return [...new Set([...variables.keys(), ...Object.keys(means)])].filter((name) => !isRight(name));
};

/** How far the checkpoint `prefix` is from the averages of the real updates, at most; NaN if it holds other variables. */
export const measureUpdatesError = async (prefix: string, type: 'cma' | 'wcma'): Promise<number> => {
  const expected = UpdatesSchema.parse(JSON.parse(await readFile(fixture('updates/expected.json'), 'utf8')));
  const variables = await readCheckpointAt(prefix);
  const errors = Object.entries(expected[type]).flatMap(([name, values]) => {
    const variable = variables.get(name);
    const isSame =
      variable?.dtype === expected.dtypes[name] && variable?.shape.join() === expected.shapes[name]?.join();
    return values.map((value, at) => (isSame ? Math.abs(value - (variable?.values?.[at] ?? Number.NaN)) : Number.NaN));
  });
  return Math.max(...errors);
};
