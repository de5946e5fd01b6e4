/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes at a step: "slicing-by-8", M. Kounavis and
 * F. Berry, "A Systematic Approach to Building High Performance Software-based CRC Generators" (2005). Node's zlib has the other CRC-32.
 */
const POLYNOMIAL = 0x82f63b78;

const T = buildTables();

/** The CRC-32C of what gave `crc` followed by `bytes`; start with 0. */
export function updateCrc32c(crc: number, bytes: Uint8Array): number {
  let state = ~crc;
  let index = 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const end = bytes.length - 7; index < end; index += 8) {
    const low = state ^ view.getUint32(index, true);
    const high = view.getUint32(index + 4, true);
    state =
      at(7, low & 255) ^
      at(6, (low >>> 8) & 255) ^
      at(5, (low >>> 16) & 255) ^
      at(4, low >>> 24) ^
      at(3, high & 255) ^
      at(2, (high >>> 8) & 255) ^
      at(1, (high >>> 16) & 255) ^
      at(0, high >>> 24);
  }
  for (; index < bytes.length; index += 1) state = (state >>> 8) ^ at(0, (state ^ (bytes[index] ?? 0)) & 255);
  return ~state >>> 0;
}

function at(table: number, byte: number): number {
  return T[(table << 8) | byte] ?? 0;
}

/** As Cloud Storage writes it: base64 of the big-endian value. */
export function formatCrc32c(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

function buildTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc >>> 0;
  }
  for (let index = 256; index < tables.length; index += 1) {
    const previous = tables[index - 256] ?? 0;
    tables[index] = (previous >>> 8) ^ (tables[previous & 255] ?? 0);
  }
  return tables;
}
