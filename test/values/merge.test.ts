import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/values/json.ts';
import { mergeValues } from '../../src/values/merge.ts';

describe('mergeValues', () => {
  test.each<[string, JsonObject, JsonObject, JsonObject]>([
    ['adds keys', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['replaces scalars', { a: 1 }, { a: 'x' }, { a: 'x' }],
    ['merges mappings', { a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: 1, c: 3 } }],
    ['replaces lists', { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ['replaces a mapping by a scalar', { a: { b: 1 } }, { a: 1 }, { a: 1 }],
    ['replaces a scalar by a mapping', { a: 1 }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['removes by null', { a: { b: 1, c: 2 } }, { a: { b: null } }, { a: { c: 2 } }],
    ['removes what was not there', {}, { a: { b: null }, c: null }, { a: {} }],
    ['keeps nulls of lists', {}, { a: [null] }, { a: [null] }],
    ['keeps false, 0 and ""', { a: true, b: 1, c: 'x' }, { a: false, b: 0, c: '' }, { a: false, b: 0, c: '' }],
    ['knows inherited names only as keys', {}, { toString: { a: 1 } }, { toString: { a: 1 } }],
  ])('%s', (_what, base, over, expected) => {
    expect(mergeValues(base, over)).toEqual(expected);
  });

  test('reaches no prototype', () => {
    const over = JSON.parse(
      '{"__proto__": {"polluted": 1}, "a": {"constructor": {"prototype": {"polluted": 1}}}}',
    ) as JsonObject;
    expect(mergeValues({ a: {} }, over)).toEqual({ a: {} });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});
