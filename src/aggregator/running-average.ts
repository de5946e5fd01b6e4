import { findNonFinite, mixInto, shareOf } from './average.ts';
import type { BundleEntry } from './bundle-proto.ts';
import { countElements, formatShape } from './bundle-proto.ts';
import { dataType } from './dtypes.ts';
import { Fault, within } from './fault.ts';
import { encodeFloats, viewFloats } from './floats.ts';
import type { BundleIndex } from './tensor-bundle-reader.ts';
import { readTensor, variable } from './tensor-bundle-reader.ts';
import type { OutputVariable } from './tensor-bundle-writer.ts';

/** One update in memory: its index, its data files by number, and its weight. */
export interface LoadedUpdate {
  readonly index: BundleIndex;
  readonly shards: ReadonlyMap<number, Uint8Array>;
  readonly weight: number;
}

export interface RunningAverage {
  /** Adds one update. Throws Fault naming the variable; the average cannot be used after that. */
  readonly add: (update: LoadedUpdate) => void;
  /** The sum of the weights so far. */
  readonly weight: () => number;
  /** Returns the averaged variables and those copied from the first update. Throws Fault if no update had weight. */
  readonly finish: () => OutputVariable[];
}

/** Throws Fault naming the first variable of `index` that cannot be averaged. */
export function checkAveragable(index: BundleIndex): void {
  if (index.entries.size === 0) throw new Fault('it holds no variable');
  for (const [name, { dtype }] of index.entries) {
    const { treatment, name: typeName } = dataType(dtype);
    if (treatment === 'refuse') throw new Fault(`${variable(name)}: ${typeName} cannot be averaged here`);
  }
}

/** Throws Fault naming the first variable of `index` that is missing, extra, or of another dtype or shape than in `canonical`. */
export function checkSameVariables(canonical: BundleIndex, index: BundleIndex): void {
  for (const [name, expected] of canonical.entries) {
    const actual = index.entries.get(name);
    if (actual === undefined) throw new Fault(`${variable(name)}: it is missing, the first update has it`);
    within(variable(name), () => checkSame(expected, actual));
  }
  for (const name of index.entries.keys()) {
    if (!canonical.entries.has(name))
      throw new Fault(`${variable(name)}: it is extra, the first update does not have it`);
  }
}

function checkSame(expected: BundleEntry, actual: BundleEntry): void {
  if (actual.dtype !== expected.dtype) {
    throw new Fault(`it is ${dataType(actual.dtype).name}, in the first update it is ${dataType(expected.dtype).name}`);
  }
  if (formatShape(actual.shape) !== formatShape(expected.shape)) {
    throw new Fault(
      `its shape is ${formatShape(actual.shape)}, in the first update it is ${formatShape(expected.shape)}`,
    );
  }
}

/**
 * Computes the running mean, in float64, of updates with the variables of `canonical`, which must have passed
 * {@link checkAveragable}. Every other update must have passed {@link checkSameVariables}. Holds one mean and no update.
 */
export function createRunningAverage(canonical: BundleIndex): RunningAverage {
  const means = new Map<string, Float64Array>();
  const carried = new Map<string, Uint8Array>();
  let seen = 0;

  function take(name: string, entry: BundleEntry, update: LoadedUpdate): void {
    const bytes = readTensor(entry, update.shards.get(entry.shard) ?? new Uint8Array());
    if (dataType(entry.dtype).treatment !== 'average') {
      // A copy: a view would keep the whole data file in memory.
      if (!carried.has(name)) carried.set(name, new Uint8Array(bytes));
      return;
    }
    let mean = means.get(name);
    if (mean === undefined) means.set(name, (mean = new Float64Array(countElements(entry.shape))));
    mixVariable(mean, entry, bytes, shareOf(seen, update.weight));
  }

  function add(update: LoadedUpdate): void {
    for (const [name, entry] of update.index.entries) within(variable(name), () => take(name, entry, update));
    seen += update.weight;
    if (!Number.isSafeInteger(seen)) throw new Fault('the sum of the weights is too large');
  }

  function finish(): OutputVariable[] {
    if (seen === 0) throw new Fault('the sum of all weights is 0, so there is no average');
    return [...canonical.entries].map(([name, entry]) => {
      const { dtype, shape } = entry;
      const bytes = carried.get(name);
      if (bytes !== undefined) return { name, dtype, shape, crc32c: entry.crc32c, encode: () => bytes };
      const mean = means.get(name) ?? new Float64Array();
      return { name, dtype, shape, encode: () => within(variable(name), () => outputOf(entry, mean)) };
    });
  }

  return { add, weight: () => seen, finish };
}

function mixVariable(mean: Float64Array, entry: BundleEntry, bytes: Uint8Array, share: number): void {
  const elements = viewFloats(entry.dtype, bytes);
  const nonFinite = elements === null ? -1 : mixInto(mean, elements, share);
  if (nonFinite >= 0) throw new Fault(`its element ${nonFinite} of ${mean.length} is NaN or infinite`);
}

function outputOf(entry: BundleEntry, mean: Float64Array): Uint8Array {
  if (findNonFinite(mean) >= 0) throw new Fault('the differences between the updates are too large for float64');
  return encodeFloats(entry.dtype, mean);
}
