import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  difference,
  formatPath,
  fromFieldsV1,
  intersection,
  isEmptySet,
  pathsOf,
  setOf,
  toFieldsV1,
  union,
  without,
} from '../../../kubernetes/fields/set.ts';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"c"}', 'v:"x"');
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const sets = fc.array(path, { maxLength: 8 }).map(setOf);
function texts(set: ReturnType<typeof setOf>): ReadonlySet<string> {
  return new Set(pathsOf(set).map((each) => each.join(' ')));
}

describe('a set of fields', () => {
  test('survives being written as FieldsV1 and read again', () => {
    fc.assert(
      fc.property(sets, (set) => {
        expect(texts(fromFieldsV1(toFieldsV1(set)))).toEqual(texts(set));
      }),
    );
  });

  test('union, intersection and difference are those of its paths', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        expect(texts(union(a, b))).toEqual(new Set([...texts(a), ...texts(b)]));
        expect(texts(intersection(a, b))).toEqual(new Set([...texts(a)].filter((each) => texts(b).has(each))));
        expect(texts(difference(a, b))).toEqual(new Set([...texts(a)].filter((each) => !texts(b).has(each))));
      }),
    );
  });

  test('without another has nothing of it, nor below it', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const rest = [...texts(without(a, b))];
        expect(rest).toEqual(
          [...texts(a)].filter((each) => ![...texts(b)].some((gone) => each === gone || each.startsWith(`${gone} `))),
        );
      }),
    );
  });

  test('less itself is empty', () => {
    fc.assert(
      fc.property(sets, (set) => {
        expect(isEmptySet(difference(set, set))).toBe(true);
      }),
    );
  });

  test('shows its paths as people read them', () => {
    expect(formatPath(['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'])).toBe(
      '.spec.ports[port=80,protocol="TCP"].name',
    );
    expect(formatPath(['f:metadata', 'f:finalizers', 'v:"x"'])).toBe('.metadata.finalizers[="x"]');
  });
});
