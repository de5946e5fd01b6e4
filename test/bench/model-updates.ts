import type { OutputVariable } from '../../src/aggregator/tensor-bundle-writer.ts';
import { createBundleWriter } from '../../src/aggregator/tensor-bundle-writer.ts';

export const VARIABLES = 300;
const SHAPE = [64, 65];
const ELEMENTS = 64 * 65;
const FLOAT32 = 1;

/** Numbers of a small generator (Numerical Recipes' LCG): which ones is of no matter, that they differ is. */
const createNumbers = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
};

const buildVariable = (name: string, next: () => number): OutputVariable => ({
  name,
  dtype: FLOAT32,
  shape: SHAPE,
  encode: () => new Uint8Array(Float32Array.from({ length: ELEMENTS }, next).buffer),
});

/** The files of one update's directory: a TensorFlow checkpoint of {@link VARIABLES} variables of float32, about 5 MB. */
export const buildUpdate = (seed: number): ReadonlyMap<string, Uint8Array> => {
  const next = createNumbers(seed);
  const names = Array.from({ length: VARIABLES }, (_, at) => `layer_${String(at).padStart(3, '0')}/kernel`);
  const writer = createBundleWriter(names.map((name) => buildVariable(name, next)));
  const data = Buffer.concat([...writer.data()]);
  return new Map<string, Uint8Array>([
    ['checkpoint.data-00000-of-00001', data],
    ['checkpoint.index', writer.index()],
    ['model.steps', Buffer.from('100')],
  ]);
};
