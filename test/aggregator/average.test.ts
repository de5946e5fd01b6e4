import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mixInto, shareOf } from '../../src/aggregator/average.ts';
import { DT } from '../../src/aggregator/dtypes.ts';
import { viewFloats } from '../../src/aggregator/floats.ts';

const mixAll = (updates: readonly { values: readonly number[]; weight: number }[]): Float64Array => {
  const mean = new Float64Array(updates[0]?.values.length ?? 0);
  let seen = 0;
  for (const { values, weight } of updates) {
    mixInto(mean, { kind: 'numbers', values: Float64Array.from(values) }, shareOf(seen, weight));
    seen += weight;
  }
  return mean;
};

const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const update = fc.record({ values: fc.array(number, { minLength: 3, maxLength: 3 }), weight: fc.nat(1000) });

describe('the running mean', () => {
  test('is the weighted mean, whatever the weights and their order', () => {
    fc.assert(
      fc.property(fc.array(update, { minLength: 1, maxLength: 20 }), (updates) => {
        const total = updates.reduce((sum, { weight }) => sum + weight, 0);
        fc.pre(total > 0);
        for (const [at, mean] of mixAll(updates).entries()) {
          const expected = updates.reduce((sum, { values, weight }) => sum + (values[at] ?? 0) * (weight / total), 0);
          expect(Math.abs(mean - expected)).toBeLessThan(1e-6);
        }
      }),
    );
  });

  test('of equal values is exactly that value', () => {
    fc.assert(
      fc.property(number, fc.array(fc.nat(1000), { minLength: 1, maxLength: 50 }), (value, weights) => {
        fc.pre(weights.some((weight) => weight > 0));
        expect([...mixAll(weights.map((weight) => ({ values: [value], weight })))]).toEqual([value + 0]);
      }),
    );
  });

  test('takes no notice of an update of weight 0, even of the first', () => {
    expect([
      ...mixAll([
        { values: [9], weight: 0 },
        { values: [1], weight: 2 },
        { values: [5], weight: 0 },
      ]),
    ]).toEqual([1]);
  });

  test('follows the formula (current*seen + next*w) / (seen + w)', () => {
    expect([
      ...mixAll([
        { values: [1], weight: 3 },
        { values: [5], weight: 1 },
      ]),
    ]).toEqual([(1 * 3 + 5 * 1) / 4]);
  });
});

describe('what would poison the mean', () => {
  test.each([Number.NaN, Infinity, -Infinity])('%s is found at its place', (poison) => {
    const values = Float32Array.from([1, 2, poison, 4]);
    expect(mixInto(new Float64Array(4), { kind: 'numbers', values }, 1)).toBe(2);
  });

  test.each([
    ['float16', DT.float16, { one: 0x3c00, infinity: 0x7c00, nan: 0x7e00 }],
    ['bfloat16', DT.bfloat16, { one: 0x3f80, infinity: 0x7f80, nan: 0x7fc0 }],
  ])('a %s pattern of NaN or infinity is found too', (_, dtype, { one, infinity, nan }) => {
    const mixPatterns = (...patterns: readonly number[]): number => {
      const elements = viewFloats(dtype, new Uint8Array(Uint16Array.from(patterns).buffer));
      return elements === null ? Number.NaN : mixInto(new Float64Array(2), elements, 1);
    };
    expect(mixPatterns(one, infinity)).toBe(1);
    expect(mixPatterns(nan, one)).toBe(0);
    expect(mixPatterns(one, one)).toBe(-1);
  });

  test('none is found in ordinary numbers', () => {
    expect(mixInto(new Float64Array(2), { kind: 'numbers', values: Float64Array.of(-0, 1e300) }, 0.5)).toBe(-1);
  });
});
