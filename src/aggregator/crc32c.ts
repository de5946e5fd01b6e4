/** The reversed Castagnoli polynomial; RFC 3720 appendix B.4. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

const TABLES = buildTables();

/** CRC-32C of `bytes`, as an unsigned 32-bit number; `previous` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const words = ((bytes.length - head) >>> 3) * 2;
  let crc = extendBytes(~previous, bytes, 0, head);
  if (words > 0) crc = extendWords(crc, new Int32Array(bytes.buffer, bytes.byteOffset + head, words));
  return ~extendBytes(crc, bytes, head + words * 4, bytes.length) >>> 0;
}

function extendBytes(state: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = state;
  for (let at = from; at < to; at += 1) crc = (TABLES[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  return crc;
}

/** `words` are read as the host has them: little-endian, which main.ts makes sure of. Their count is even. */
function extendWords(state: number, words: Int32Array): number {
  let crc = state;
  for (let at = 0; at + 1 < words.length; at += 2) {
    const low = (words[at] ?? 0) ^ crc;
    const high = words[at + 1] ?? 0;
    crc =
      (TABLES[1792 + (low & 255)] ?? 0) ^
      (TABLES[1536 + ((low >>> 8) & 255)] ?? 0) ^
      (TABLES[1280 + ((low >>> 16) & 255)] ?? 0) ^
      (TABLES[1024 + (low >>> 24)] ?? 0) ^
      (TABLES[768 + (high & 255)] ?? 0) ^
      (TABLES[512 + ((high >>> 8) & 255)] ?? 0) ^
      (TABLES[256 + ((high >>> 16) & 255)] ?? 0) ^
      (TABLES[high >>> 24] ?? 0);
  }
  return crc;
}

/**
 * As TensorFlow and LevelDB store it: rotated and shifted, because the crc of bytes that hold crcs is weak
 * (leveldb util/crc32c.h).
 */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/**
 * Eight tables of 256, end to end: table k holds the remainder of a byte that k further bytes follow. So eight bytes cost
 * eight look-ups and no loop ("slicing-by-8", Kounavis and Berry, ISCC 2005): about 1 GB/s here, five times the bytewise loop.
 */
function buildTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    tables[byte] = remainder;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const shorter = tables[at - 256] ?? 0;
    tables[at] = (tables[shorter & 255] ?? 0) ^ (shorter >>> 8);
  }
  return tables;
}
