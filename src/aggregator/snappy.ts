import { Fault } from './fault.ts';
import type { Cursor } from './protobuf.ts';
import { readBytes, readVarint } from './protobuf.ts';

const MAX_BYTES = 256 * 1024 * 1024;

interface Copy {
  readonly length: number;
  readonly offset: number;
}

/**
 * Decompresses one raw Snappy stream, as LevelDB compresses a block (google/snappy format_description.txt). TensorFlow
 * reads such blocks but writes none. Throws Fault if it is corrupt: snappyjs 0.7.0 would accept a wrong length.
 */
export function decompressSnappy(compressed: Uint8Array): Uint8Array {
  const cursor: Cursor = { bytes: compressed, at: 0 };
  const length = readVarint(cursor);
  if (length > MAX_BYTES) throw new Fault(`a compressed block declares ${length} bytes`);
  const out = new Uint8Array(length);
  let at = 0;
  while (cursor.at < compressed.length) {
    const [tag = 0] = readBytes(cursor, 1);
    if ((tag & 3) === 0) {
      const literal = readLiteral(cursor, tag);
      if (at + literal.length > length) throw new Fault('a compressed block holds more than it declares');
      out.set(literal, at);
      at += literal.length;
      continue;
    }
    const copy = readCopy(cursor, tag);
    if (copy.offset === 0 || copy.offset > at) throw new Fault('a compressed block refers to bytes before its start');
    if (at + copy.length > length) throw new Fault('a compressed block holds more than it declares');
    // Byte by byte: a copy may overlap its own output, which repeats it.
    for (const end = at + copy.length; at < end; at += 1) out[at] = out[at - copy.offset] ?? 0;
  }
  if (at !== length) throw new Fault('a compressed block holds less than it declares');
  return out;
}

/** A literal's length: in the tag's upper six bits, or, from 60 on, in the one to four bytes that follow. */
function readLiteral(cursor: Cursor, tag: number): Uint8Array {
  const short = tag >>> 2;
  return readBytes(cursor, 1 + (short < 60 ? short : littleEndian(readBytes(cursor, short - 59))));
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function readCopy(cursor: Cursor, tag: number): Copy {
  if ((tag & 3) === 1) {
    return { length: 4 + ((tag >>> 2) & 7), offset: (tag >>> 5) * 256 + littleEndian(readBytes(cursor, 1)) };
  }
  return { length: 1 + (tag >>> 2), offset: littleEndian(readBytes(cursor, (tag & 3) === 2 ? 2 : 4)) };
}
