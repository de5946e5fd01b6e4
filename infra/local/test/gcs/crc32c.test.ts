import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCrc32c, updateCrc32c } from '../../gcs/crc32c.ts';

function bitwise(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('crc32c', () => {
  // https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4
  test.each([
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(0), 0],
  ])('has the value of the RFC', (bytes, value) => {
    expect(updateCrc32c(0, bytes)).toBe(value);
  });

  test('is that of the bitwise definition, in any pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const parts = updateCrc32c(updateCrc32c(0, bytes.subarray(0, cut)), bytes.subarray(cut));
        expect(parts).toBe(bitwise(bytes));
      }),
    );
  });

  test('is written as base64 of the big-endian value', () => {
    expect(formatCrc32c(0xe3069283)).toBe('4waSgw==');
  });
});
