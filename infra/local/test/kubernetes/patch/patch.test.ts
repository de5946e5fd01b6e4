import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFields } from '../../../kubernetes/json.ts';
import { jsonPatch } from '../../../kubernetes/patch/json-patch.ts';
import { mergePatch } from '../../../kubernetes/patch/merge.ts';
import { strategicMerge } from '../../../kubernetes/patch/strategic.ts';

// The examples of RFC 7396, appendix A.
describe('a merge patch', () => {
  test.for([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('of %o by %o is %o', ([target, patch, expected]) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  test('twice is the same as once', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (target, patch) => {
        const once = mergePatch(target, patch);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  test('can name __proto__ without harm', () => {
    const merged = mergePatch({}, JSON.parse('{"data":{"__proto__":"x"}}'));
    expect(JSON.stringify(merged)).toBe('{"data":{"__proto__":"x"}}');
  });
});

describe('a JSON patch', () => {
  test.for([
    [{ op: 'add', path: '/a/-', value: 3 }, { a: [1, 2, 3] }],
    [{ op: 'add', path: '/a/0', value: 3 }, { a: [3, 1, 2] }],
    [{ op: 'remove', path: '/a/0' }, { a: [2] }],
    [{ op: 'replace', path: '/a/1', value: 9 }, { a: [1, 9] }],
    [
      { op: 'copy', from: '/a', path: '/b' },
      { a: [1, 2], b: [1, 2] },
    ],
    [
      { op: 'move', from: '/a/0', path: '/b' },
      { a: [2], b: 1 },
    ],
    [{ op: 'test', path: '/a/0', value: 1 }, { a: [1, 2] }],
    [
      { op: 'add', path: '/x~1y~0z', value: 1 },
      { a: [1, 2], 'x/y~z': 1 },
    ],
  ])('%o', ([operation, expected]) => {
    expect(jsonPatch({ a: [1, 2] }, [operation])).toEqual(expected);
  });

  test.for([
    { op: 'remove', path: '/b' },
    { op: 'replace', path: '/b', value: 1 },
    { op: 'test', path: '/a/0', value: 2 },
    { op: 'add', path: '/a/3', value: 1 },
    { op: 'add', path: '/a/01', value: 1 },
    { op: 'add', path: 'a', value: 1 },
    { op: 'add', path: '/a' },
    { op: 'copy', path: '/b' },
    { op: 'frob', path: '/a' },
  ])('%o is rejected, and nothing is changed', (operation) => {
    const target = { a: [1, 2] };
    expect(() => jsonPatch(target, [{ op: 'add', path: '/c', value: 1 }, operation])).toThrow(/rejected our request/);
    expect(target).toEqual({ a: [1, 2] });
  });
});

const pod = 'core.Pod';
function containers(...names: readonly string[]): { spec: { containers: { name: string; image: string }[] } } {
  return {
    spec: { containers: names.map((name) => ({ name, image: 'i' })) },
  };
}

describe('a strategic merge patch', () => {
  test('merges lists by the key of their type', () => {
    const patched = strategicMerge(pod, containers('a', 'b'), { spec: { containers: [{ name: 'b', image: 'new' }] } });
    expect(patched).toEqual({
      spec: {
        containers: [
          { name: 'a', image: 'i' },
          { name: 'b', image: 'new' },
        ],
      },
    });
  });

  test('deletes items by directive, and whole lists', () => {
    const patch = { spec: { containers: [{ name: 'a', $patch: 'delete' }] } };
    expect(strategicMerge(pod, containers('a', 'b'), patch)).toEqual(containers('b'));
    expect(
      strategicMerge(pod, containers('a'), {
        spec: { containers: [{ $patch: 'replace' }, { name: 'z', image: 'i' }] },
      }),
    ).toEqual(containers('z'));
  });

  test('puts a list in the order that is asked for', () => {
    const patch = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } };
    expect(strategicMerge(pod, containers('a', 'b', 'c'), patch)).toEqual(containers('b', 'a', 'c'));
  });

  test('adds to and takes from lists of plain values', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } };
    expect(strategicMerge(pod, target, { metadata: { finalizers: ['c'] } })).toEqual({
      metadata: { finalizers: ['c', 'a', 'b'] },
    });
    const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } };
    expect(strategicMerge(pod, target, patch)).toEqual({ metadata: { finalizers: ['b'] } });
  });

  test('replaces lists that have no key', () => {
    const target = { spec: { tolerations: [{ key: 'a' }] } };
    expect(strategicMerge(pod, target, { spec: { tolerations: [{ key: 'b' }] } })).toEqual({
      spec: { tolerations: [{ key: 'b' }] },
    });
  });

  test('replaces a volume’s source with $retainKeys', () => {
    const target = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
    const patch = { spec: { volumes: [{ name: 'v', secret: { secretName: 's' }, $retainKeys: ['name', 'secret'] }] } };
    expect(strategicMerge(pod, target, patch)).toEqual({
      spec: { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
    });
  });

  test('of a type without lists is a merge patch', () => {
    const value = fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(fc.constant(null), fc.constantFrom('1', '2')));
    fc.assert(
      fc.property(value, value, (target, patch) => {
        const before = Object.fromEntries(Object.entries(target).filter(([, each]) => each !== null));
        const merged = mergePatch({ data: before }, { data: patch });
        expect(isFields(merged)).toBe(true);
        expect(strategicMerge('core.ConfigMap', { data: before }, { data: patch })).toEqual(merged);
      }),
    );
  });
});
