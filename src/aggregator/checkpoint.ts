import { dataType } from './dtypes.ts';
import { withinAsync } from './fault.ts';
import { toFloat64, viewFloats } from './floats.ts';
import type { BundleIndex } from './tensor-bundle-reader.ts';
import { parseBundleIndex, readTensor, variable } from './tensor-bundle-reader.ts';

/** A TensorFlow V2 checkpoint: the bytes of its index, and of its data file `shard` (from 0) of `shards`. */
export interface CheckpointFiles {
  readonly index: Uint8Array;
  readonly shard: (shard: number, shards: number) => Promise<Uint8Array>;
}

export interface CheckpointVariable {
  /** TensorFlow's name of the data type: `float32`, `int64`, `string`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Row-major; null unless the dtype is a float of 16, 32 or 64 bits. */
  readonly values: Float64Array | null;
}

/** Loads the data files that hold a variable, by number. Other data files are not loaded. */
export async function loadShards(
  index: BundleIndex,
  load: CheckpointFiles['shard'],
): Promise<ReadonlyMap<number, Uint8Array>> {
  const needed = new Set([...index.entries.values()].map((entry) => entry.shard));
  const loaded = await Promise.all(
    [...needed].map(async (shard): Promise<[number, Uint8Array]> => [shard, await load(shard, index.shards)]),
  );
  return new Map(loaded);
}

/**
 * Returns the variables of a checkpoint by name, in the order of their names' bytes. All checksums are verified.
 * Throws Fault naming the variable that is corrupt or has an unsupported type.
 */
export async function readCheckpoint(files: CheckpointFiles): Promise<Map<string, CheckpointVariable>> {
  const { shards, entries } = await withinAsync('its index', async () => parseBundleIndex(files.index));
  const bytes = await loadShards({ shards, entries }, files.shard);
  const variables = new Map<string, CheckpointVariable>();
  for (const [name, entry] of entries) {
    const tensor = await withinAsync(variable(name), async () =>
      readTensor(entry, bytes.get(entry.shard) ?? new Uint8Array()),
    );
    const floats = viewFloats(entry.dtype, tensor);
    variables.set(name, {
      dtype: dataType(entry.dtype).name,
      shape: entry.shape,
      values: floats === null ? null : toFloat64(floats),
    });
  }
  return variables;
}
