import { crc32c, maskCrc } from './crc32c.ts';
import { Fault, within } from './fault.ts';
import type { Cursor } from './protobuf.ts';
import { readBytes, readFixed32, readVarint } from './protobuf.ts';
import { decompressSnappy } from './snappy.ts';

/** One key and its value, both as bytes. */
export interface TableEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
/** 0xdb4775248b80fb57, little-endian. */
const MAGIC = Buffer.from('57fb808b247547db', 'hex');

/**
 * Returns the entries of a LevelDB-style sorted table in the order of their keys (leveldb doc/table_format.md; TensorFlow's
 * checkpoint index is one). Throws Fault naming the block that is corrupt.
 */
export function readTable(table: Uint8Array): TableEntry[] {
  const indexHandle = readIndexHandle(table);
  const index = within('its block index', () => [...readBlockEntries(readBlock(table, indexHandle))]);
  const entries: TableEntry[] = [];
  for (const { value } of index) {
    const handle = readHandle({ bytes: value, at: 0 });
    const block = within(`its block at byte ${handle.offset}`, () => [...readBlockEntries(readBlock(table, handle))]);
    for (const entry of block) {
      const previous = entries.at(-1);
      if (previous !== undefined && Buffer.compare(previous.key, entry.key) >= 0) {
        throw new Fault(`its block at byte ${handle.offset}: the keys are not in order`);
      }
      entries.push(entry);
    }
  }
  return entries;
}

function readIndexHandle(table: Uint8Array): BlockHandle {
  if (table.length < FOOTER_BYTES) throw new Fault('it is too short to be a checkpoint index');
  const footer = table.subarray(table.length - FOOTER_BYTES);
  if (!MAGIC.equals(footer.subarray(40))) {
    throw new Fault('it does not end as a checkpoint index does (truncated, or another kind of file)');
  }
  const cursor: Cursor = { bytes: footer, at: 0 };
  readHandle(cursor); // of the meta-index block, which TensorFlow leaves empty
  return readHandle(cursor);
}

function readHandle(cursor: Cursor): BlockHandle {
  return { offset: readVarint(cursor), size: readVarint(cursor) };
}

/** A key shares a prefix with the one before it; at a restart, none. The restart array at the end is for binary search only. */
function* readBlockEntries(block: Uint8Array): Generator<TableEntry> {
  if (block.length < 4) throw new Fault('it is too short');
  const restarts = readFixed32({ bytes: block, at: block.length - 4 });
  const end = block.length - 4 - restarts * 4;
  if (end < 0) throw new Fault('its restart array is larger than it');
  const cursor: Cursor = { bytes: block.subarray(0, end), at: 0 };
  let key: Uint8Array = Buffer.alloc(0);
  while (cursor.at < end) {
    const shared = readVarint(cursor);
    const unshared = readVarint(cursor);
    const valueLength = readVarint(cursor);
    if (shared > key.length) throw new Fault('a key in it shares more than there is');
    key = Buffer.concat([key.subarray(0, shared), readBytes(cursor, unshared)]);
    yield { key, value: readBytes(cursor, valueLength) };
  }
}

/** Returns the contents of a block. Verifies and removes its trailer: compression type, masked crc32c of contents and type. */
function readBlock(table: Uint8Array, handle: BlockHandle): Uint8Array {
  const end = handle.offset + handle.size;
  if (end + TRAILER_BYTES > table.length - FOOTER_BYTES) throw new Fault('it lies outside of the file');
  const stored = readFixed32({ bytes: table, at: end + 1 });
  if (maskCrc(crc32c(table.subarray(handle.offset, end + 1))) !== stored) throw new Fault('its crc32c does not match');
  const contents = table.subarray(handle.offset, end);
  const compression = table[end];
  if (compression === 0) return contents;
  if (compression === 1) return decompressSnappy(contents);
  throw new Fault(`it is compressed by the unknown type ${compression}`);
}
