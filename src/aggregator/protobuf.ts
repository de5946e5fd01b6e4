import { Fault } from './fault.ts';

/** One field in wire format: varints and fixed32 as numbers, length-delimited fields and fixed64 as bytes. */
export interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

/** A position in bytes that are read from front to back. */
export interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** Reads a varint. Throws Fault at the end of the bytes and for numbers above 2^53 - 1, which include negative int64. */
export function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
    const byte = cursor.bytes[cursor.at];
    if (byte === undefined) throw new Fault('it ends within a number');
    cursor.at += 1;
    value += (byte & 127) * scale;
    if (byte < 128) {
      if (!Number.isSafeInteger(value)) throw new Fault('it holds a number that is negative or too large');
      return value;
    }
  }
  throw new Fault('it holds a number of more than ten bytes');
}

/** Reads `length` bytes, as a view. */
export function readBytes(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > cursor.bytes.length) throw new Fault('it ends within a field');
  const bytes = cursor.bytes.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

/** Reads four bytes as an unsigned little-endian number. */
export function readFixed32(cursor: Cursor): number {
  const [a = 0, b = 0, c = 0, d = 0] = readBytes(cursor, 4);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

/** Yields the fields of a message in order; https://protobuf.dev/programming-guides/encoding/. Throws Fault if it is truncated. */
export function* readFields(bytes: Uint8Array): Generator<Field> {
  const cursor: Cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(cursor);
    yield { number: Math.floor(tag / 8), value: readValue(cursor, tag % 8) };
  }
}

function readValue(cursor: Cursor, wireType: number): number | Uint8Array {
  switch (wireType) {
    case 0:
      return readVarint(cursor);
    case 1:
      return readBytes(cursor, 8);
    case 2:
      return readBytes(cursor, readVarint(cursor));
    case 5:
      return readFixed32(cursor);
    default:
      throw new Fault(`it holds a field of the unknown wire type ${wireType}`);
  }
}

/** Appends `value`, a whole number of 0 to 2^53 - 1, to `out`. */
export function pushVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** Appends an unsigned 32-bit number to `out`, little-endian. */
export function pushFixed32(out: number[], value: number): void {
  out.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

/** Appends a varint field; nothing for 0, as in proto3. */
export function pushNumberField(out: number[], field: number, value: number): void {
  if (value === 0) return;
  pushVarint(out, field * 8);
  pushVarint(out, value);
}

/** Appends a length-delimited field. */
export function pushBytesField(out: number[], field: number, bytes: readonly number[]): void {
  pushVarint(out, field * 8 + 2);
  pushVarint(out, bytes.length);
  out.push(...bytes);
}
