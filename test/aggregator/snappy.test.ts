import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/aggregator/fault.ts';
import { decompressSnappy } from '../../src/aggregator/snappy.ts';
import { endOf } from './harness.ts';

const text = (...bytes: number[]): string => Buffer.from(decompressSnappy(Uint8Array.from(bytes))).toString();
const ascii = (string: string): number[] => [...Buffer.from(string)];

// Written by hand after the format's description.
describe('a snappy block', () => {
  test('of one literal is that literal', () => {
    expect(text(3, 2 << 2, ...ascii('abc'))).toBe('abc');
  });

  test('with a literal whose length is in the bytes after the tag', () => {
    expect(text(70, 60 << 2, 69, ...ascii('x'.repeat(70)))).toBe('x'.repeat(70));
    expect(text(0xac, 2, 61 << 2, 0x2b, 1, ...ascii('y'.repeat(300)))).toBe('y'.repeat(300));
  });

  test('with copies of one, two and four bytes of offset', () => {
    expect(text(8, 3 << 2, ...ascii('wiki'), 0b000_000_01, 4)).toBe('wikiwiki');
    expect(text(8, 3 << 2, ...ascii('wiki'), (3 << 2) | 2, 4, 0)).toBe('wikiwiki');
    expect(text(8, 3 << 2, ...ascii('wiki'), (3 << 2) | 3, 4, 0, 0, 0)).toBe('wikiwiki');
  });

  test('with a copy that overlaps itself repeats', () => {
    expect(text(9, 0, ...ascii('a'), (7 << 2) | 2, 1, 0)).toBe('aaaaaaaaa');
  });

  test.each([
    ['refers to bytes before its start', [4, 0, 97, 0b000_000_01, 2]],
    ['refers to bytes before its start', [4, 0, 97, 0b000_000_01, 0]],
    ['holds less than it declares', [5, 0, 97]],
    ['holds more than it declares', [1, 1 << 2, 97, 98]],
    ['a compressed block declares', [0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['ends within a field', [5, 4 << 2, 97]],
  ])('that %s is refused', (reason, bytes) => {
    expect(() => decompressSnappy(Uint8Array.from(bytes))).toThrow(reason);
  });

  test('of random bytes is refused in words, or decompressed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const ended = endOf(() => decompressSnappy(bytes));
        expect(ended instanceof Fault || ended instanceof Uint8Array).toBe(true);
      }),
    );
  });
});
