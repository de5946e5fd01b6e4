import { crc32c, maskCrc } from './crc32c.ts';
import { pushFixed32, pushVarint } from './protobuf.ts';
import type { TableEntry } from './sstable-reader.ts';

/** A block ends once it exceeds this size, as in TensorFlow. */
const BLOCK_BYTES = 262_144;
const RESTART_EVERY = 16;
const FOOTER_BYTES = 48;
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];

/**
 * Builds a sorted table of `entries`, whose keys must be in ascending byte order: data blocks, an empty meta-index block,
 * the block index (under each block's last key), the footer. Uncompressed, as TensorFlow writes its own.
 */
export function buildTable(entries: readonly TableEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let offset = 0;
  function append(contents: Uint8Array): Uint8Array {
    const handle: number[] = [];
    pushVarint(handle, offset);
    pushVarint(handle, contents.length);
    const type = Uint8Array.of(0);
    const crc: number[] = [];
    pushFixed32(crc, maskCrc(crc32c(type, crc32c(contents))));
    parts.push(contents, type, Uint8Array.from(crc));
    offset += contents.length + 5;
    return Uint8Array.from(handle);
  }
  const index = splitIntoBlocks(entries).map((block) => ({
    key: block.at(-1)?.key ?? new Uint8Array(),
    value: append(buildBlock(block)),
  }));
  const metaIndex = append(buildBlock([]));
  const footer = new Uint8Array(FOOTER_BYTES);
  footer.set([...metaIndex, ...append(buildBlock(index))]);
  footer.set(MAGIC, FOOTER_BYTES - MAGIC.length);
  return Buffer.concat([...parts, footer]);
}

function splitIntoBlocks(entries: readonly TableEntry[]): TableEntry[][] {
  const blocks: TableEntry[][] = [];
  let bytes = BLOCK_BYTES;
  for (const entry of entries) {
    if (bytes >= BLOCK_BYTES) {
      blocks.push([]);
      bytes = 0;
    }
    blocks.at(-1)?.push(entry);
    bytes += entry.key.length + entry.value.length;
  }
  return blocks;
}

function buildBlock(entries: readonly TableEntry[]): Uint8Array {
  const out: number[] = [];
  const restarts: number[] = [];
  let previous: Uint8Array = new Uint8Array();
  for (const [at, { key, value }] of entries.entries()) {
    const restart = at % RESTART_EVERY === 0;
    if (restart) restarts.push(out.length);
    const shared = restart ? 0 : sharedPrefix(previous, key);
    pushVarint(out, shared);
    pushVarint(out, key.length - shared);
    pushVarint(out, value.length);
    for (const byte of key.subarray(shared)) out.push(byte);
    for (const byte of value) out.push(byte);
    previous = key;
  }
  // An empty block still has one restart, because readers subtract one.
  if (restarts.length === 0) restarts.push(0);
  for (const restart of restarts) pushFixed32(out, restart);
  pushFixed32(out, restarts.length);
  return Uint8Array.from(out);
}

function sharedPrefix(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length += 1;
  return length;
}
