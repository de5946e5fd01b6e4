import { crc32c as compute } from '@node-rs/crc32';

/** The CRC-32C of `bytes` as Cloud Storage writes it: base64 of the big-endian four bytes. */
export const crc32c = (bytes: Uint8Array): string => {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(compute(Buffer.from(bytes)));
  return out.toString('base64');
};
