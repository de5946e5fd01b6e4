import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DT } from '../../src/aggregator/dtypes.ts';
import { encodeFloats, toFloat64, viewFloats } from '../../src/aggregator/floats.ts';

/** The value of each of the 65,536 bit patterns. */
const tableOf = (dtype: number): Float64Array => {
  const patterns = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const elements = viewFloats(dtype, new Uint8Array(patterns.buffer));
  return elements === null ? new Float64Array() : toFloat64(elements);
};
const encoderOf =
  (dtype: number) =>
  (value: number): number =>
    Buffer.from(encodeFloats(dtype, Float64Array.of(value))).readUInt16LE();
const encodeFloat16 = encoderOf(DT.float16);
const encodeBfloat16 = encoderOf(DT.bfloat16);

const formats = [
  { name: 'float16', table: tableOf(DT.float16), encode: encodeFloat16, largest: 65504 },
  { name: 'bfloat16', table: tableOf(DT.bfloat16), encode: encodeBfloat16, largest: 3.3895313892515355e38 },
];

const lastBit = (bits: number): number => bits & 1;

describe.each(formats)('$name', ({ table, encode, largest }) => {
  test('every bit pattern is decoded to a number that is encoded to it', () => {
    const wrong = Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => {
      const value = table[bits] ?? 0;
      return Number.isNaN(value) ? !Number.isNaN(table[encode(value)]) : encode(value) !== bits;
    });
    expect(wrong).toEqual([]);
  });

  test('a number is rounded to the nearest, and half way to the even one', () => {
    const positive = fc.double({ min: 0, max: largest, noNaN: true });
    fc.assert(
      fc.property(
        fc.oneof(
          positive,
          positive.map((x) => x ** 0.1),
          fc.nat(0x7bfe).map((bits) => table[bits] ?? 0),
        ),
        (value) => {
          const bits = encode(value);
          const nearest = table[bits] ?? 0;
          const error = Math.abs(nearest - value);
          for (const neighbour of [bits - 1, bits + 1].filter((other) => other >= 0)) {
            const other = Math.abs((table[neighbour] ?? 0) - value);
            expect(error < other || (error === other && lastBit(bits) === 0)).toBe(true);
          }
          expect(encode(-value)).toBe(bits | 0x8000);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('half way between any two neighbours is the even one', () => {
    const wrong = Array.from({ length: 0x7b00 }, (_, bits) => bits).filter((bits) => {
      const middle = ((table[bits] ?? 0) + (table[bits + 1] ?? 0)) / 2;
      return encode(middle) !== bits + lastBit(bits);
    });
    expect(wrong).toEqual([]);
  });

  test('infinity stays infinity', () => {
    expect(table[encode(Infinity)]).toBe(Infinity);
    expect(table[encode(-Infinity)]).toBe(-Infinity);
  });
});

describe('rounding once', () => {
  test('a number just past half way goes up, though float32 would first round it to half way', () => {
    const justPastHalf = 1 + 2 ** -11 + 2 ** -40;
    expect(encodeFloat16(justPastHalf)).toBe(0x3c01);
    expect(encodeBfloat16(1 + 2 ** -8 + 2 ** -40)).toBe(0x3f81);
  });

  test('what is past the largest float16 by half a step becomes infinity', () => {
    expect(encodeFloat16(65519.99)).toBe(0x7bff);
    expect(encodeFloat16(65520)).toBe(0x7c00);
  });
});
