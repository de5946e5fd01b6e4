import { buildEntry, buildHeader } from './bundle-proto.ts';
import { crc32c, maskCrc } from './crc32c.ts';
import { buildTable } from './sstable-writer.ts';

/** A variable to write. `encode` is called in its turn, so that only one variable is held in memory. */
export interface OutputVariable {
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly number[];
  /** Masked. Set if it is not that of the bytes (strings, variants). */
  readonly crc32c?: number;
  readonly encode: () => Uint8Array;
}

export interface BundleWriter {
  /** Yields the bytes of the data file, one variable at a time. Must be consumed before {@link index} is called. */
  readonly data: () => Generator<Uint8Array>;
  /** Returns the bytes of the index for the data that `data` has yielded. */
  readonly index: () => Uint8Array;
}

/** Writes `variables` as a TensorFlow V2 checkpoint of one data file, in the order of their names' bytes as TensorFlow does. */
export function createBundleWriter(variables: readonly OutputVariable[]): BundleWriter {
  const rows = [{ key: new Uint8Array(), value: buildHeader() }];
  const sorted = variables
    .map((variable) => ({ key: Buffer.from(variable.name), variable }))
    .toSorted((a, b) => Buffer.compare(a.key, b.key));

  function* data(): Generator<Uint8Array> {
    let offset = 0;
    for (const { key, variable } of sorted) {
      const bytes = variable.encode();
      const crc = variable.crc32c ?? maskCrc(crc32c(bytes));
      rows.push({ key, value: buildEntry({ ...variable, shard: 0, offset, size: bytes.length, crc32c: crc }) });
      offset += bytes.length;
      yield bytes;
    }
  }

  return { data, index: () => buildTable(rows) };
}
