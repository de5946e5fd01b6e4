import type { BundleEntry } from './bundle-proto.ts';
import { countElements, parseEntry, parseHeader } from './bundle-proto.ts';
import { crc32c, maskCrc } from './crc32c.ts';
import { DT } from './dtypes.ts';
import { Fault, quote, within } from './fault.ts';
import type { Cursor } from './protobuf.ts';
import { readBytes, readFixed32, readVarint } from './protobuf.ts';
import { readTable } from './sstable-reader.ts';

/** The index of a checkpoint: the number of data files, and the variables in byte order of their names. */
export interface BundleIndex {
  readonly shards: number;
  readonly entries: ReadonlyMap<string, BundleEntry>;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Names a variable in a message. */
export function variable(name: string): string {
  return `variable ${quote(name)}`;
}

/** Returns the name of data file `shard` of `shards` next to `prefix`.index. */
export function dataFileName(prefix: string, shard: number, shards: number): string {
  return `${prefix}.data-${String(shard).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}`;
}

/**
 * Reads `<prefix>.index`. Throws Fault naming what is corrupt, or the variable that cannot be read: a partitioned one,
 * whose slices have keys of their own (they start with a zero byte and are skipped here).
 */
export function parseBundleIndex(bytes: Uint8Array): BundleIndex {
  const [header, ...rows] = readTable(bytes);
  if (header === undefined || header.key.length > 0) throw new Fault('it has no header');
  const { shards } = parseHeader(header.value);
  const entries = new Map<string, BundleEntry>();
  for (const { key, value } of rows) {
    if (key[0] === 0) continue;
    const name = decodeName(key);
    const entry = within(variable(name), () => parseEntry(value));
    if (entry.slices > 0) {
      throw new Fault(`${variable(name)}: it is partitioned into ${entry.slices} slices, which are not averaged here`);
    }
    if (entry.shard >= shards) throw new Fault(`${variable(name)}: its data file ${entry.shard} is not of ${shards}`);
    entries.set(name, entry);
  }
  return { shards, entries };
}

function decodeName(key: Uint8Array): string {
  try {
    return utf8.decode(key);
  } catch {
    throw new Fault(`a variable’s name (${quote(Buffer.from(key).toString('latin1'))}) is not UTF-8`);
  }
}

/** Returns a variable's bytes, as a view of its data file `shard`. Throws Fault if the file is too short or the crc32c differs. */
export function readTensor(entry: BundleEntry, shard: Uint8Array): Uint8Array {
  const end = entry.offset + entry.size;
  if (end > shard.length) {
    throw new Fault(`its data file ends at byte ${shard.length}, it would be at ${entry.offset} to ${end}`);
  }
  const bytes = shard.subarray(entry.offset, end);
  const crc = maskCrc(crcOf(entry, bytes));
  if (crc !== entry.crc32c) {
    throw new Fault(`its bytes are corrupt: crc32c is ${hex(crc)}, the index says ${hex(entry.crc32c)}`);
  }
  return bytes;
}

function crcOf(entry: BundleEntry, bytes: Uint8Array): number {
  if (entry.dtype === DT.string) return crcOfStrings(bytes, countElements(entry.shape));
  if (entry.dtype === DT.variant) return crcOfVariants(bytes, countElements(entry.shape));
  return crc32c(bytes);
}

/** Layout: lengths, the masked crc of the lengths, then all strings (tensor_bundle.cc, ReadStringTensor). */
function crcOfStrings(bytes: Uint8Array, elements: number): number {
  const cursor: Cursor = { bytes, at: 0 };
  let crc = 0;
  let total = 0;
  for (let at = 0; at < elements; at += 1) {
    const length = readVarint(cursor);
    total += length;
    crc = extendByLength(crc, length);
  }
  const stored = readFixed32(cursor);
  if (stored !== maskCrc(crc))
    throw new Fault('its bytes are corrupt: the crc32c of the string lengths does not match');
  if (bytes.length !== cursor.at + total) throw new Fault('its strings are not as long as their lengths say');
  return crc32c(readBytes(cursor, total), crc32c(littleEndianBytes(stored, 4), crc));
}

/** The crc of a string tensor covers each length as uint32, or as uint64 if it needs one; on disk it is a varint. */
function extendByLength(crc: number, length: number): number {
  return crc32c(littleEndianBytes(length, length <= 0xffff_ffff ? 4 : 8), crc);
}

function littleEndianBytes(value: number, bytes: 4 | 8): Uint8Array {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out.subarray(0, bytes);
}

/** Layout of each element: its length (uint64 in the crc), its bytes, the masked crc of everything before (tensor_bundle.cc, ReadVariantTensor). */
function crcOfVariants(bytes: Uint8Array, elements: number): number {
  const cursor: Cursor = { bytes, at: 0 };
  let crc = 0;
  for (let at = 0; at < elements; at += 1) {
    const length = readVarint(cursor);
    crc = crc32c(readBytes(cursor, length), crc32c(littleEndianBytes(length, 8), crc));
    if (readFixed32(cursor) !== maskCrc(crc))
      throw new Fault('its bytes are corrupt: an element’s crc32c does not match');
    crc = crc32c(littleEndianBytes(maskCrc(crc), 4), crc);
  }
  if (cursor.at !== bytes.length) throw new Fault('its elements are not as long as their lengths say');
  return crc;
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}
