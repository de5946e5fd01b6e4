import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32c, maskCrc } from '../../src/aggregator/crc32c.ts';

const bitwise = (bytes: Uint8Array): number => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78);
  }
  return ~crc >>> 0;
};

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  test.each([
    ['no byte', Buffer.alloc(0), 0],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e],
    ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, at) => 31 - at)), 0x113fdb5c],
    ['"123456789"', Buffer.from('123456789'), 0xe3069283],
  ])('of %s is the published value', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test('is that of the bitwise definition, at any alignment and in any two parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(7), fc.nat(100), (bytes, shift, cut) => {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        expect(crc32c(shifted)).toBe(bitwise(bytes));
        expect(crc32c(shifted.subarray(cut), crc32c(shifted.subarray(0, cut)))).toBe(bitwise(bytes));
      }),
    );
  });

  test('is masked as TensorFlow masks that of an empty tensor', () => {
    expect(maskCrc(0)).toBe(0xa282ead8);
  });
});
