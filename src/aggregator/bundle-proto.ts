import { dataType } from './dtypes.ts';
import { Fault } from './fault.ts';
import { pushBytesField, pushFixed32, pushNumberField, pushVarint, readFields } from './protobuf.ts';

/** The header, under the key "" (tensorflow/core/protobuf/tensor_bundle.proto). */
export interface BundleHeader {
  readonly shards: number;
}

/** The location and type of a variable's bytes. */
export interface BundleEntry {
  /** TensorFlow's number of the data type; see dtypes.ts. */
  readonly dtype: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** The masked CRC-32C of the bytes. */
  readonly crc32c: number;
  /** More than 0 for a partitioned variable: its bytes are then under other keys. */
  readonly slices: number;
}

/** Reads a BundleHeaderProto. Throws Fault for a big-endian bundle and for one that requires a newer reader. */
export function parseHeader(bytes: Uint8Array): BundleHeader {
  let shards = 0;
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) shards = asNumber(value);
    if (number === 2 && value !== 0) throw new Fault('it was written big-endian, which is not supported');
    if (number === 3) checkVersion(asBytes(value));
  }
  if (shards < 1) throw new Fault('its header names no data file');
  return { shards };
}

function asNumber(value: number | Uint8Array): number {
  if (typeof value !== 'number') throw new Fault('it holds bytes where a number belongs');
  return value;
}

/** Field 2 of VersionDef is the oldest version that may read the bundle. This reader has version 1. */
function checkVersion(bytes: Uint8Array): void {
  for (const { number, value } of readFields(bytes)) {
    if (number === 2 && asNumber(value) > 1) throw new Fault(`it needs a reader of bundle version ${value}, this is 1`);
  }
}

function asBytes(value: number | Uint8Array): Uint8Array {
  if (typeof value === 'number') throw new Fault('it holds a number where bytes belong');
  return value;
}

/** Reads a BundleEntryProto. Throws Fault if it is truncated, or if its size does not match shape and dtype. */
export function parseEntry(bytes: Uint8Array): BundleEntry {
  const entry = { dtype: 0, shape: [] as number[], shard: 0, offset: 0, size: 0, crc32c: 0, slices: 0 };
  for (const { number, value } of readFields(bytes)) {
    if (number === 1) entry.dtype = asNumber(value);
    if (number === 2) entry.shape = parseShape(asBytes(value));
    if (number === 3) entry.shard = asNumber(value);
    if (number === 4) entry.offset = asNumber(value);
    if (number === 5) entry.size = asNumber(value);
    if (number === 6) entry.crc32c = asNumber(value);
    if (number === 7) entry.slices += 1;
  }
  checkSize(entry);
  return entry;
}

function parseShape(bytes: Uint8Array): number[] {
  const shape: number[] = [];
  for (const { number, value } of readFields(bytes)) {
    if (number === 2) shape.push(parseDimension(asBytes(value)));
    if (number === 3 && value !== 0) throw new Fault('its shape is not known');
  }
  return shape;
}

function parseDimension(bytes: Uint8Array): number {
  let size = 0;
  for (const { number, value } of readFields(bytes)) if (number === 1) size = asNumber(value);
  return size;
}

function checkSize(entry: BundleEntry): void {
  const { name, bytes } = dataType(entry.dtype);
  if (bytes === null || entry.slices > 0) return;
  if (entry.size !== countElements(entry.shape) * bytes) {
    throw new Fault(`its index gives it ${entry.size} bytes, which is not ${formatShape(entry.shape)} of ${name}`);
  }
}

/** Returns the number of elements of a tensor of `shape`; a scalar has one. */
export function countElements(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** `[3,3,1,8]` */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

/** Builds the header of a little-endian bundle with one data file. */
export function buildHeader(): Uint8Array {
  const version: number[] = [];
  pushNumberField(version, 1, 1);
  const out: number[] = [];
  pushNumberField(out, 1, 1);
  pushBytesField(out, 3, version);
  return Uint8Array.from(out);
}

/** Builds the BundleEntryProto of a whole variable. */
export function buildEntry(entry: Omit<BundleEntry, 'slices'>): Uint8Array {
  const shape: number[] = [];
  for (const size of entry.shape) {
    const dimension: number[] = [];
    pushNumberField(dimension, 1, size);
    pushBytesField(shape, 2, dimension);
  }
  const out: number[] = [];
  pushNumberField(out, 1, entry.dtype);
  pushBytesField(out, 2, shape);
  pushNumberField(out, 3, entry.shard);
  pushNumberField(out, 4, entry.offset);
  pushNumberField(out, 5, entry.size);
  pushVarint(out, 6 * 8 + 5);
  pushFixed32(out, entry.crc32c);
  return Uint8Array.from(out);
}
