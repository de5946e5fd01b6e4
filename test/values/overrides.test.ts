import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/values/json.ts';
import { isTextField } from '../../src/values/schema.ts';
import { mergeValues } from '../../src/values/merge.ts';
import { applySet } from '../../src/values/overrides.ts';
import { refusalOf } from './refusal.ts';

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

// Compared with helm.sh/helm/v3 v3.17.3 pkg/strvals over 100,000 generated expressions: the same values wherever both accept, but for
// `a[0].b=` at the end of an expression, which helm loses.
describe('applySet, as helm --set', () => {
  test.each<[string, JsonObject]>([
    ['', {}],
    ['name=value', { name: 'value' }],
    ['a=1,b=2', { a: 1, b: 2 }],
    ['a=1,', { a: 1 }],
    ['a=1,a=2', { a: 2 }],
    ['a=,b=x', { a: '', b: 'x' }],
    ['a=', { a: '' }],
    ['a.b.c=x', { a: { b: { c: 'x' } } }],
    ['a.b=1,a.c=2', { a: { b: 1, c: 2 } }],
    ['a=x=y', { a: 'x=y' }],
    ['a=x.y', { a: 'x.y' }],
    ['a=x y z', { a: 'x y z' }],
    ['a=one\\,two,b=3', { a: 'one,two', b: 3 }],
    ['a\\.b=1', { 'a.b': 1 }],
    ['a.b\\.c/d=1', { a: { 'b.c/d': 1 } }],
    ['a\\=b=1', { 'a=b': 1 }],
    ['a\\[0]=1', { 'a[0]': 1 }],
    ['a=\\{x}', { a: '{x}' }],
    ['a=C:\\\\x', { a: 'C:\\x' }],
    ['a="x"', { a: '"x"' }],
    ["a='x'", { a: "'x'" }],
    ['a={x,y}', { a: ['x', 'y'] }],
    ['a={1,true,null}', { a: [1, true, null] }],
    ['a={x\\,y}', { a: ['x,y'] }],
    ['a={}', { a: [''] }],
    ['a={x,y},b={z}', { a: ['x', 'y'], b: ['z'] }],
    ['a[0]=x', { a: ['x'] }],
    ['a[2]=x', { a: [null, null, 'x'] }],
    ['a[0].b=1,a[0].c=2', { a: [{ b: 1, c: 2 }] }],
    ['a[1].b=1,a[0].b=2', { a: [{ b: 2 }, { b: 1 }] }],
    ['a[0][1]=x', { a: [[null, 'x']] }],
    ['a[0]=x,a[0].b=1', { a: [{ b: 1 }] }],
    ['a[0].b=', { a: [{ b: '' }] }],
    ['a[+1]=x', { a: [null, 'x'] }],
    ['a.b[0].c={x}', { a: { b: [{ c: ['x'] }] } }],
    ['é=1,😀=2', { é: 1, '😀': 2 }],
  ])('%s', (expression, expected) => {
    expect(applySet({}, expression)).toEqual(expected);
  });

  test.each<[string, unknown]>([
    ['true', true],
    ['TRUE', true],
    ['False', false],
    ['null', null],
    ['Null', null],
    ['0', 0],
    ['7', 7],
    ['-7', -7],
    ['+7', 7],
    ['-0', 0],
    ['-05', -5],
    ['007', '007'],
    ['00', '00'],
    ['1.5', '1.5'],
    ['1e3', '1e3'],
    ['0x10', '0x10'],
    ['yes', 'yes'],
    ['~', '~'],
    ['9007199254740991', 9007199254740991],
    ['99999999999999999999', '99999999999999999999'],
    ['-', '-'],
  ])('infers the type of %s', (text, expected) => {
    expect(applySet({}, `a=${text}`)['a']).toBe(expected);
    expect(applySet({}, `a=${text}`, { kind: 'set-string' })['a']).toBe(text);
  });

  test('changes a copy, and only what it names', () => {
    const values = { a: { b: [1, { c: 2 }], d: 3 }, e: { f: 4 } };
    const before = structuredClone(values);
    const after = applySet(values, 'a.b[1].c=5');
    expect(after).toEqual({ a: { b: [1, { c: 5 }], d: 3 }, e: { f: 4 } });
    expect(values).toEqual(before);
    expect(after['e']).toBe(values.e);
  });

  test('a null on the way counts as absent', () => {
    expect(applySet({ a: null }, 'a.b=1')).toEqual({ a: { b: 1 } });
    expect(applySet({ a: null }, 'a[0]=1')).toEqual({ a: [1] });
    expect(applySet({ a: [null] }, 'a[0][0]=1')).toEqual({ a: [[1]] });
  });

  test('keeps what was typed where the schema has text', () => {
    const set = (expression: string): JsonObject => applySet({}, expression, { isText: isTextField });
    expect(set('aggregator.tag=1234567,aggregator.aggregationId=20240101')).toEqual({
      aggregator: { tag: '1234567', aggregationId: '20240101' },
    });
    expect(set('aggregator.tag=1.10')).toEqual({ aggregator: { tag: '1.10' } });
    expect(set('aggregator.podLabels.team=true')).toEqual({ aggregator: { podLabels: { team: 'true' } } });
    expect(set('aggregator.imagePullSecrets={1,2}')).toEqual({ aggregator: { imagePullSecrets: ['1', '2'] } });
    expect(set('aggregator.tag=null')).toEqual({ aggregator: { tag: null } });
    expect(set('aggregator.tag=99999999999999999')).toEqual({ aggregator: { tag: '99999999999999999' } });
    expect(set('aggregator.backoffLimit=2,aggregator.spot=true')).toEqual({
      aggregator: { backoffLimit: 2, spot: true },
    });
    expect(set('aggregator.resources.limits.cpu=2')).toEqual({ aggregator: { resources: { limits: { cpu: 2 } } } });
    expect(set('rounds[0].reportGoal=5,unknown=1')).toEqual({ rounds: [{ reportGoal: 5 }], unknown: 1 });
  });

  test.each([
    ['a', 'no value', 1],
    ['a,b=1', 'no value', 1],
    ['a=1,,b=2', 'no value', 5],
    ['a.b', 'no value', 3],
    ['a.=1', 'an empty key', 3],
    ['=1', 'an empty key', 1],
    ['a..b=1', 'an empty key', 3],
    ['a={x', 'without a closing "}"', 3],
    ['a={x}y', 'after "}"', 6],
    ['a=x\\', 'lone backslash', 4],
    ['a[0', 'without a closing "]"', 3],
    ['a[]=1', 'not a whole number', 3],
    ['a[x]=1', 'not a whole number', 3],
    ['a[-1]=1', 'negative', 3],
    ['a[65537]=1', 'over 65536', 3],
    ['a[65536]=1', 'beyond the end', 1],
    ['a[0]', 'no value', 5],
    ['a[0]x=1', 'after "]"', 5],
    ['a[0],b=1', 'after "]"', 5],
    ['s.b=1', 's is not a mapping', 1],
    ['s[0]=1', 's is not a list', 1],
    ['m[0]=1', 'm is not a list', 1],
    ['l.x=1', 'l is not a mapping', 1],
    ['l[0][0]=1', 'l[0] is not a list', 1],
    ['b=1,s.b=1', 's is not a mapping', 5],
    ['__proto__.x=1', 'not accepted', 1],
    ['a.constructor.prototype.x=1', 'not accepted', 3],
    ['a=9007199254740993', 'beyond 2^53', 3],
    [`${'a.'.repeat(31)}a=1`, '30 levels', 63],
    [`a${'[0]'.repeat(70)}=1`, '30 levels', 213],
  ])('rejects %s: %s', (expression, words, character) => {
    const refusal = refusalOf(() => applySet({ s: 'x', m: {}, l: ['x'] }, expression));
    expect(refusal.message).toContain(words);
    expect(refusal.message).toContain(`character ${character})`);
    expect(refusal.issues).toHaveLength(1);
  });

  test('an error contains the key, not the value', () => {
    const { message } = refusalOf(() => applySet({}, 'x=1,aggregator.modelsToken=hunter2\\'));
    expect(message).toContain('"aggregator.modelsToken"');
    expect(message).not.toContain('hunter2');
  });

  test('30 levels are accepted, as in helm', () => {
    expect(() => applySet({}, `${'a.'.repeat(30)}a=1`)).not.toThrow();
  });
});

// helm's pkg/cli/values and strvals.ParseJSON.
describe('applySet, as helm --set-json', () => {
  const setJson = (expression: string, values: JsonObject = {}): JsonObject =>
    applySet(values, expression, { kind: 'set-json', isText: isTextField });
  test.each<[string, JsonObject]>([
    ['a.b={"c":1,"d":[true,null,"x,y"]}', { a: { b: { c: 1, d: [true, null, 'x,y'] } } }],
    ['a=1,b="x=y",c=[{"d":"}"}]', { a: 1, b: 'x=y', c: [{ d: '}' }] }],
    ['a[1].b=true', { a: [null, { b: true }] }],
    ['a=null', { a: null }],
    ['a=', { a: null }],
    ['a= , b=2', { a: null, ' b': 2 }],
    ['aggregator.tag="1234567"', { aggregator: { tag: '1234567' } }],
    ['a="\\",\\""', { a: '",\\"'.replaceAll('\\', '') }],
    [' {"a":{"b":1}} ', { a: { b: 1 } }],
  ])('%s', (expression, expected) => {
    expect(setJson(expression)).toEqual(expected);
  });

  test('replaces a mapping, and merges a document', () => {
    const values = { a: { b: 1, c: 2 } };
    expect(setJson('a={"b":3}', values)).toEqual({ a: { b: 3 } });
    expect(setJson('{"a":{"b":3,"c":null}}', values)).toEqual({ a: { b: 3, c: null } });
    expect(values).toEqual({ a: { b: 1, c: 2 } });
  });

  test.each([
    ['a=hunter2', 'text is in double quotes'],
    ['a={"b":hunter2}', 'not valid JSON'],
    ['a={"b":"hunter2"', 'not valid JSON'],
    ['a=1}', 'not valid JSON'],
    ['a={"__proto__":{"b":1}}', '"__proto__" is not accepted'],
    ['a={"b":1,"b":2}', 'duplicate'],
    ['a=9007199254740993', 'beyond 2^53'],
    ['{"a":1},b=2', 'not one JSON object'],
    ['a', 'no value'],
  ])('%s is rejected without its value: %s', (expression, words) => {
    const { message } = refusalOf(() => setJson(expression));
    expect(message).toContain(words);
    expect(message).not.toContain('hunter2');
  });
});
