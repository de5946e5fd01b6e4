import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLabelSelector } from '../../../kubernetes/selectors/labels.ts';

const name = fc.stringMatching(/^[a-z]{1,3}$/);
const labelSets = fc.dictionary(name, name, { maxKeys: 4 });

describe('a label selector', () => {
  test.for([
    ['a=1', { a: '1' }, true],
    ['a==1', { a: '2' }, false],
    ['a!=1', {}, true],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['a in (1, 2)', { a: '2' }, true],
    ['a notin (1,2)', { b: '1' }, true],
    ['a in (1),b', { a: '1' }, false],
    ['a=', { a: '' }, true],
    ['n > 3', { n: '4' }, true],
    ['n<3', { n: '4' }, false],
    ['', { x: 'y' }, true],
    ['example.com/a=b', { 'example.com/a': 'b' }, true],
  ] as const)('%s of %o is %s', ([selector, labels, expected]) => {
    expect(parseLabelSelector(selector)(labels)).toBe(expected);
  });

  test('in and notin are opposites, whatever the labels', () => {
    fc.assert(
      fc.property(labelSets, name, fc.array(name, { minLength: 1, maxLength: 3 }), (labels, key, values) => {
        const list = values.join(',');
        expect(parseLabelSelector(`${key} in (${list})`)(labels)).toBe(
          !parseLabelSelector(`${key} notin (${list})`)(labels),
        );
      }),
    );
  });

  test('of several terms means all of them', () => {
    fc.assert(
      fc.property(labelSets, name, name, (labels, a, b) => {
        const both = parseLabelSelector(`${a},!${b}`)(labels);
        expect(both).toBe(parseLabelSelector(a)(labels) && parseLabelSelector(`!${b}`)(labels));
      }),
    );
  });
});
