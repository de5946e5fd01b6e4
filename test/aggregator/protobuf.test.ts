import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildEntry, parseEntry, parseHeader } from '../../src/aggregator/bundle-proto.ts';
import { pushVarint, readFields, readVarint } from '../../src/aggregator/protobuf.ts';

describe('a varint', () => {
  test('is read as it was written, up to 2^53 - 1', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const out: number[] = [];
        pushVarint(out, value);
        const cursor = { bytes: Uint8Array.from(out), at: 0 };
        expect([readVarint(cursor), cursor.at]).toEqual([value, out.length]);
      }),
    );
  });

  test.each([
    ['cut off', [0x80]],
    ['negative', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
    ['too long', Array.from({ length: 11 }, () => 0x80)],
  ])('that is %s is refused', (_, bytes) => {
    expect(() => readVarint({ bytes: Uint8Array.from(bytes), at: 0 })).toThrow(/it (ends|holds)/);
  });
});

describe('a message', () => {
  test('gives its fields in order, of every wire type', () => {
    const bytes = Uint8Array.of(0x08, 5, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1a, 1, 9, 0x25, 1, 0, 0, 0);
    expect([...readFields(bytes)]).toEqual([
      { number: 1, value: 5 },
      { number: 2, value: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { number: 3, value: Uint8Array.of(9) },
      { number: 4, value: 1 },
    ]);
  });

  test('with a group, or cut off, is refused', () => {
    expect(() => [...readFields(Uint8Array.of(0x0b))]).toThrow('unknown wire type 3');
    expect(() => [...readFields(Uint8Array.of(0x1a, 5, 1))]).toThrow('ends within a field');
  });
});

describe('an entry', () => {
  test('is read as it was written', () => {
    const natural = fc.nat(2 ** 31 - 1);
    const shapes = fc.array(fc.nat(20), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, natural, natural, natural, (shape, shard, offset, crc32c) => {
        const size = shape.reduce((count, next) => count * next, 4);
        const entry = { dtype: 1, shape, shard, offset, size, crc32c, slices: 0 };
        expect(parseEntry(buildEntry(entry))).toEqual(entry);
      }),
    );
  });

  test('whose size is not that of its shape and dtype is refused', () => {
    const entry = buildEntry({ dtype: 2, shape: [3], shard: 0, offset: 0, size: 12, crc32c: 0 });
    expect(() => parseEntry(entry)).toThrow('its index gives it 12 bytes, which is not [3] of float64');
  });
});

describe('a header', () => {
  test('of a big-endian bundle is refused', () => {
    expect(() => parseHeader(Uint8Array.of(0x08, 1, 0x10, 1))).toThrow('big-endian');
  });

  test('of a bundle for newer readers is refused', () => {
    expect(() => parseHeader(Uint8Array.of(0x08, 1, 0x1a, 2, 0x10, 2))).toThrow('bundle version 2');
  });

  test('without a data file is refused', () => {
    expect(() => parseHeader(Uint8Array.of())).toThrow('names no data file');
  });
});
