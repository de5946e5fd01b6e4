import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/values/json.ts';
import { isDangerousKey } from '../../src/values/json.ts';
import { mergeValues } from '../../src/values/merge.ts';
import { applySet } from '../../src/values/overrides.ts';
import { endsAsAppError } from './refusal.ts';

const key = fc
  .oneof(fc.string({ minLength: 1, maxLength: 6 }), fc.constantFrom('a', 'b', 'a.b', 'x,y', 'k=v', '{', '[0]', '\\'))
  .filter((text) => !isDangerousKey(text));
const { value } = fc.letrec<{ value: JsonObject[string] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string({ maxLength: 5 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { noNullPrototype: true }),
  ),
}));
const values = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { noNullPrototype: true });

const withoutNulls = (input: JsonObject): JsonObject => mergeValues({}, input);
const escaped = (text: string): string => text.replaceAll(/[\\.,=[{}]/g, String.raw`\$&`);

describe('applySet', () => {
  test('sets any text at any path of keys, once it is escaped', () => {
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 5 }), fc.string(), (path, text) => {
        const set = applySet({}, `${path.map(escaped).join('.')}=${escaped(text)}`, { kind: 'set-string' });
        const expected = path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), text);
        expect(set).toEqual(expected);
      }),
    );
  });

  test('gives the same result for several expressions as for one joined with commas', () => {
    const part = fc.tuple(
      fc.constantFrom('a', 'b', 'a.b', 'a.c', 'c.d.e', 'd[0]', 'd[1].x'),
      fc.constantFrom('1', 'x', 'true', 'null', '{x,2}', ''),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const expressions = parts.map(([path, text]) => `${path}=${text}`);
        const oneByOne = attempt(() =>
          expressions.reduce<JsonObject>((sum, expression) => applySet(sum, expression), {}),
        );
        expect(attempt(() => applySet({}, expressions.join(',')))).toEqual(oneByOne);
      }),
    );
  });

  test('returns values or throws an AppError for any expression, and does not change its argument', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab01.,=[]{}\\- _'.split('')), maxLength: 25 });
    fc.assert(
      fc.property(values, text, (base, expression) => {
        const before = structuredClone(base);
        endsAsAppError(() => applySet(base, expression));
        expect(base).toEqual(before);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('mergeValues', () => {
  test('with nothing changes nothing', () => {
    fc.assert(
      fc.property(values, (base) => {
        expect(mergeValues(base, {})).toEqual(base);
      }),
    );
  });

  test('keeps no null of the upper document', () => {
    fc.assert(
      fc.property(values, values, (base, over) => {
        const merged = mergeValues(withoutNulls(base), over);
        expect(merged).toEqual(withoutNulls(merged));
      }),
    );
  });

  test('is idempotent and changes neither document', () => {
    fc.assert(
      fc.property(values, values, (base, over) => {
        const before = structuredClone([base, over]);
        const merged = mergeValues(base, over);
        expect(mergeValues(merged, over)).toEqual(merged);
        expect([base, over]).toEqual(before);
      }),
    );
  });

  test('contains every scalar and list of the upper document, and those of the lower one that the upper does not set', () => {
    fc.assert(
      fc.property(values, values, (base, over) => {
        const merged = mergeValues(base, over);
        expect(merged).toMatchObject(withoutNulls(over));
        expect(Object.keys(merged).toSorted()).toEqual(
          [...new Set([...Object.keys(base), ...Object.keys(over)])].filter((name) => over[name] !== null).toSorted(),
        );
      }),
    );
  });
});

const attempt = (act: () => unknown): unknown => {
  try {
    return act();
  } catch {
    return 'refused';
  }
};
