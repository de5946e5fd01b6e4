import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mean, median, quantile } from './stats.ts';

const values = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 1, maxLength: 200 });

describe('quantile', () => {
  test.each([
    [[7], 0.99, 7],
    [[3, 1, 2], 0.5, 2],
    [[4, 3, 2, 1], 0.5, 2],
    [Array.from({ length: 100 }, (_, at) => at + 1), 0.99, 99],
    [[2, 1], 0, 1],
    [[2, 1], 1, 2],
  ])('of %j at %d is %d', (given, q, expected) => {
    expect(quantile(given, q)).toBe(expected);
  });

  test('is one of the values, and at least that share of them is not above it', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (given, q) => {
        const found = quantile(given, q);
        expect(given).toContain(found);
        expect(given.filter((value) => value <= found).length / given.length).toBeGreaterThanOrEqual(q);
      }),
    );
  });

  test('of nothing is refused', () => {
    expect(() => quantile([], 0.5)).toThrow('There are no values');
    expect(() => mean([])).toThrow('There are no values');
  });
});

test('the median of an even number of values is the lower of the two in the middle', () => {
  expect(median([1, 2, 3, 4])).toBe(2);
});

test('the mean is the sum over the number', () => {
  expect(mean([1, 2, 6])).toBe(3);
});
