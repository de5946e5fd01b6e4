import { crc32c as extendCrc32c } from '@node-rs/crc32';

const MASK_DELTA = 0xa282ead8;

/** CRC-32C (Castagnoli) of `bytes`, as an unsigned 32-bit number; `previous` is the CRC of the bytes before them. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return extendCrc32c(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), previous);
}

/**
 * Rotates and shifts a CRC as TensorFlow and LevelDB store it, because the CRC of data that contains CRCs is weak
 * (leveldb util/crc32c.h).
 */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}
