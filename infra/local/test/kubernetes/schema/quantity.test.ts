import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalQuantity, parseQuantity, roundToMilli } from '../../../kubernetes/schema/quantity.ts';

describe('a quantity', () => {
  test.for([
    ['1024Mi', '1Gi'],
    ['1536Mi', '1536Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5', '500m'],
    ['1000m', '1'],
    ['1000', '1k'],
    ['100', '100'],
    ['1e3', '1e3'],
    ['1E3', '1e3'],
    ['12345678', '12345678'],
    ['2000000Ki', '2000000Ki'],
    ['512Ki', '512Ki'],
    ['512', '512'],
    ['0.1Gi', '107374182400m'],
    ['0', '0'],
    ['0Gi', '0'],
    ['-1', '-1'],
    ['+1', '1'],
    ['.5', '500m'],
    ['1.', '1'],
    ['0.0000000001', '1n'],
  ] as const)('%s is %s', ([given, canonical]) => {
    expect(canonicalQuantity(given)).toBe(canonical);
  });

  test.for(['', 'a', '1 Gi', '0x10', '1gi', '1KI', '--1', '1.2.3', '1e', 'Gi'])('%s is none', (text) => {
    expect(canonicalQuantity(text)).toBeUndefined();
  });

  test('keeps its value when it is written in its canonical form, and that form is its own canonical form', () => {
    const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e2');
    fc.assert(
      fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.nat(999), suffix, (whole, fraction, unit) => {
        const text = `${whole}.${fraction}${unit}`;
        const canonical = canonicalQuantity(text) ?? '';
        expect(parseQuantity(canonical)?.nanos).toBe(parseQuantity(text)?.nanos);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });

  test.for([
    ['100u', '1m'],
    ['1500u', '2m'],
    ['1m', '1m'],
    ['1Gi', '1Gi'],
  ] as const)('of a resource, %s is rounded up to %s', ([given, rounded]) => {
    expect(roundToMilli(given)).toBe(rounded);
  });
});
