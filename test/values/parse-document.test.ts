import { describe, expect, test } from 'vitest';
import { InvalidRequestError, TooLargeError, UnsupportedMediaError } from '../../src/errors.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import { refusalOf } from './refusal.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const yaml = (text: string): unknown => parseDocument(bytes(text));
const tooLargeOf = (act: () => unknown): TooLargeError => {
  try {
    act();
  } catch (error) {
    if (error instanceof TooLargeError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};
const json = (text: string): unknown => parseDocument(bytes(text), { contentType: 'application/json' });

describe('a document', () => {
  test.each(['', ' \n\t\n', '# only a comment\n', '---\n', '{}', '\ufeff'])('%j is an empty mapping', (text) => {
    expect(yaml(text)).toEqual({});
    expect(parseDocument(new Uint8Array(), { contentType: 'application/json' })).toEqual({});
  });

  test('is parsed as YAML unless the content type is JSON', () => {
    const options = { contentType: 'application/x-www-form-urlencoded' };
    expect(parseDocument(bytes('aggregator:\n  tag: "1.10"\n'), options)).toEqual({ aggregator: { tag: '1.10' } });
    expect(parseDocument(bytes('{"a": [1, true, null, "x"]}'), options)).toEqual({ a: [1, true, null, 'x'] });
    expect(() => parseDocument(bytes('a: 1'), { contentType: 'application/json; charset=utf-8' })).toThrow(
      InvalidRequestError,
    );
    expect(() => parseDocument(bytes('{a: 1}'), { contentType: 'application/vnd.x+json' })).toThrow(
      InvalidRequestError,
    );
  });

  test('may be JSON in any layout', () => {
    const expected = { a: 1, b: { c: [1, null, 'é😀/'] } };
    for (const text of [
      '{\n\t"a": 1,\n\t"b": {\n\t\t"c": [\n\t\t\t1, null, "\\u00e9\\ud83d\\ude00\\/"]}}\n',
      '{"a":1,"b":{"c":[1,null,"é😀/"]}}',
      '{\r\n"a":\r\n1\r\n,"b":{"c":[\r\n1,null,"é😀/"\r\n]\r\n}}',
    ]) {
      expect(json(text)).toEqual(expected);
      expect(yaml(text)).toEqual(expected);
    }
  });

  test('may begin with a byte order mark', () => {
    expect(yaml('\ufeffa: 1')).toEqual({ a: 1 });
    expect(json('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  test('above 64 KiB is rejected with its size and the limit', () => {
    const largest = `a: ${'x'.repeat(65_533)}`;
    expect(parseDocument(bytes(largest))).toEqual({ a: 'x'.repeat(65_533) });
    const error = tooLargeOf(() => parseDocument(bytes(`${largest}x`), { name: 'body' }));
    expect(error.message).toBe('The body has 65537 bytes; the limit is 65536 bytes (64 KiB)');
    expect(error.details).toMatchObject({ size: 65_537, limit: 65_536, issues: [{ path: 'body' }] });
    expect(() => json(`{"a": "${'x'.repeat(65_536)}"}`)).toThrow(TooLargeError);
  });

  test.each([
    ['another charset', 'application/json; charset=iso-8859-1'],
    ['a multipart form', 'multipart/form-data; boundary=x'],
  ])('with %s is rejected as such', (_what, contentType) => {
    expect(() => parseDocument(bytes('{}'), { contentType })).toThrow(UnsupportedMediaError);
  });

  test.each([
    ['UTF-16 with a mark', new Uint8Array([0xff, 0xfe, 0x61, 0, 0x3a, 0]), 'is UTF-16', 1],
    ['big-endian UTF-16 with a mark', new Uint8Array([0xfe, 0xff, 0, 0x61, 0, 0x3a]), 'is UTF-16', 1],
    ['UTF-16 without a mark', new Uint8Array([0x61, 0, 0x3a, 0]), 'is UTF-16', 1],
    ['Latin-1', new Uint8Array([0x61, 0x3a, 0x20, 0x31, 0x0a, 0x62, 0x3a, 0x20, 0xe9]), 'is not UTF-8', 2],
  ])('in %s is rejected with the line', (_what, body, words, line) => {
    const refusal = refusalOf(() => parseDocument(body));
    expect(refusal.message).toContain(words);
    expect(refusal.details['line']).toBe(line);
  });

  test('sent with curl -d @file is rejected with the advice to use --data-binary', () => {
    const options = { contentType: 'application/x-www-form-urlencoded' };
    expect(refusalOf(() => parseDocument(bytes('a: 1b: 2'), options)).message).toContain('--data-binary');
    expect(refusalOf(() => parseDocument(bytes('a: 1\nb: c: 2'), options)).message).not.toContain('--data-binary');
  });

  test('that has text but no values is rejected in a request, with the advice to use --data-binary', () => {
    for (const text of ['# The values of the demo.aggregator:  tag: "1"', '# only a comment\n', '---\n']) {
      expect(refusalOf(() => parseDocument(bytes(text), { name: 'body' })).message).toContain(
        '--data-binary @values.yaml',
      );
    }
    for (const text of ['', ' \n', '{}', '{"a": 1}', 'a: 1 # one\n', '{"a": "#"}']) {
      expect(() => parseDocument(bytes(text), { name: 'body' })).not.toThrow();
    }
  });

  test('of one line with a comment is rejected in a request: the comment hides the lines that curl -d joined', () => {
    const refusal = refusalOf(() => parseDocument(bytes('namespace: a # oursaggregator:  tag: x'), { name: 'body' }));
    expect(refusal.message).toContain('which hides the text after it. curl -d @values.yaml removes the line breaks');
    expect(refusal.details).toMatchObject({ line: 1, column: 14 });
  });

  test.each([
    ['a: {b: 1, c: 2}\n---\na: {c: 3}\n', { a: { b: 1, c: 3 } }],
    ['a: [1]\n---\na: [2]\n---\nb: 1', { a: [2], b: 1 }],
    ['a: {b: 1}\n---\na: 1\n---\na: {c: 1}', { a: { c: 1 } }],
    ['a: 1\n---\na: null', { a: null }],
    ['a: {b: 1, c: 1}\n---\na: {b: null}', { a: { b: null, c: 1 } }],
    ['---\n# nothing\n---\na: 1\n...\n', { a: 1 }],
    ['a: &x {b: 1}\n---\nc: 1', { a: { b: 1 }, c: 1 }],
  ])('of several YAML documents is merged as helm merges files: %j', (text, expected) => {
    expect(yaml(text)).toEqual(expected);
  });

  test.each([
    ['a list', '- 1'],
    ['a text', 'hello'],
    ['a number', '3'],
    ['a boolean', 'true'],
    ['null', 'null'],
  ])('that is %s is rejected', (what, text) => {
    expect(refusalOf(() => yaml(text)).message).toContain(`is ${what}`);
  });
});

describe('an error', () => {
  test.each([
    ['a: 1\nb: "x', 'quote', 2],
    ['a: [1, 2', 'bracket', 1],
    ['a:\n\tb: 1', 'tab', 2],
    ['a: 1\n---\nb: 2\nb: 3', 'the key "b" is a duplicate', 4],
    ['a: 1\n---\n- b', 'is a list', 3],
    ['---\na: 1\n'.repeat(21), 'more than 20 documents', 41],
    ['a: 1\nb: 2\na: 3', 'the key "a" is a duplicate', 3],
    ['b:\n  "a": 1\n  a: 3', 'the key "a" is a duplicate', 3],
    ['x: {a: 1, a: 2}', 'the key "a" is a duplicate', 1],
    ['a: 1\n__proto__: {x: 1}', '"__proto__" is not accepted', 2],
    ['a:\n  constructor: 1', '"constructor" is not accepted', 2],
    ['a: &x [*x]', 'inside its own anchor', 1],
    ['a: 1\nb: *x', 'no anchor before it', 2],
    ['a: !secret x', 'tag', 1],
    ['a: !!binary aGk=', 'tag', 1],
    ['a: !!timestamp 2020-01-01', 'tag', 1],
    ['a: .inf', 'not finite', 1],
    ['a: -.inf', 'not finite', 1],
    ['a: .nan', 'not finite', 1],
    ['a: 1e999', 'not finite', 1],
    ['a: 9007199254740993', 'beyond 2^53', 1],
    ['a: 017', 'leading zeros', 1],
    ['[a]: 1', 'keys must be text', 1],
    ['b: 1\n? a\n- c', 'an explicit key', 2],
    ['x: &x {a: 1}\n<<: *x\n<<: *x', 'a second "<<"', 3],
    [': 1', 'without a key', 1],
    ['"\\ud800": 1', 'surrogate', 1],
    ['a: "\\ud800"', 'surrogate', 1],
    ['a: "\\q"', 'escape', 1],
    ['a: "x\n\n  \\q"', 'escape', 3],
    ['%YAML 1.1\n---\na: yes', '%YAML', 1],
    ['a: b: c', 'quotes', 1],
    ['a: @x', 'quotes', 1],
    ['<<: [1]', 'alias of a mapping', 1],
  ])('about %j contains "%s" and the line', (text, words, line) => {
    const refusal = refusalOf(() => yaml(text));
    expect(refusal.message).toContain(words);
    expect(refusal.details).toMatchObject({ line });
    expect(refusal.issues).toHaveLength(1);
  });

  test.each([
    ['{"a": 1,}', 'double-quoted property name', 9],
    ['{"a": 1', "',' or '}'", 8],
    ['{"a": [1 2]}', "',' or ']'", 10],
    ['{"a": [1,]}', 'unexpected character where a value is expected', 10],
    ['{"a" 1}', "Expected ':'", 6],
    ['{"a": tru}', 'unexpected character where a value is expected', 10],
    ['{"a": 01}', 'Unexpected number', 8],
    ['{"a": .5}', 'unexpected character where a value is expected', 7],
    ['{"a": ', 'the document ends too early', 7],
    ['{"a": "x', 'Unterminated string', 9],
    ['{"a": "x\n"}', 'control character', 9],
    ['{"a": "\\x"}', 'escaped character', 9],
    ['{"a": 1} x', 'non-whitespace character', 10],
    ["{'a': 1}", "property name or '}'", 2],
    ['{"a": 1e999}', 'not finite', 7],
    ['{"a": 12345678901234567890}', 'beyond 2^53', 7],
    ['{"a": 1, "a": 2}', 'the key "a" is a duplicate', 10],
    ['{"a": {"b": 1, "\\u0062": 2}}', 'the key "b" is a duplicate', 16],
    ['{"__proto__": {}}', '"__proto__" is not accepted', 2],
    ['{"a": "\\ud800"}', 'surrogate', 7],
  ])('about the JSON %j contains %s and the column', (text, words, column) => {
    const refusal = refusalOf(() => json(text));
    expect(refusal.message).toContain(words);
    expect(refusal.details).toMatchObject({ line: 1, column });
  });

  test('names the field if it is known', () => {
    expect(refusalOf(() => yaml('a:\n  - b: 9007199254740993')).issues[0]?.path).toBe('a[0].b');
    expect(refusalOf(() => json('{"a": [{"b": 9007199254740993}]}')).issues[0]?.path).toBe('a[0].b');
  });

  test.each([
    'token: "hunter2\nx',
    'token: hunter2: x',
    '{"token": "hunter2" x}',
    'a: @hunter2',
    'a: !hunter2x hunter2',
    'x: "hunter2\\q"',
  ])('about %j does not quote what may be a secret', (text) => {
    expect(JSON.stringify(refusalOf(() => yaml(text)))).not.toContain('hunter2');
    expect(refusalOf(() => yaml(text)).message).not.toContain('hunter2');
  });

  test.each([
    ['lists', '['.repeat(65_000)],
    ['closed lists', `{"a":${'['.repeat(65)}${']'.repeat(65)}}`],
    ['mappings', '{"a":'.repeat(13_000)],
    ['block lists', '- '.repeat(32_000)],
    ['flow mappings', '{a: '.repeat(16_000)],
    ['indented mappings', Array.from({ length: 70 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
  ])('about %s nested too deeply is an InvalidRequestError, not an exhausted stack', (_what, text) => {
    expect(refusalOf(() => yaml(text)).message).toContain('levels of nesting');
  });
});

describe('YAML', () => {
  test('has the 1.2 core schema: what helm reads as booleans and dates is text', () => {
    expect(yaml('a: yes\nb: On\nc: n\nd: 2024-01-01\ne: 2024-01-01T00:00:00Z\nf: 1:30\ng: 1_000')).toEqual({
      a: 'yes',
      b: 'On',
      c: 'n',
      d: '2024-01-01',
      e: '2024-01-01T00:00:00Z',
      f: '1:30',
      g: '1_000',
    });
    expect(yaml('a: true\nb: False\nc: ~\nd: 0x1F\ne: 0o17\nf: 1.5e3\ng: !!str 1.10\nh: -0.5')).toEqual({
      a: true,
      b: false,
      c: null,
      d: 31,
      e: 15,
      f: 1500,
      g: '1.10',
      h: -0.5,
    });
  });

  test('keys are text as they are written', () => {
    expect(yaml('1: a\n1.10: b\ntrue: c\non: d')).toEqual({ '1': 'a', '1.10': 'b', true: 'c', on: 'd' });
  });

  test('aliases are copies', () => {
    const document = parseDocument(bytes('a: &x {k: [1]}\nb: *x'));
    expect(document).toEqual({ a: { k: [1] }, b: { k: [1] } });
    expect(document['a']).not.toBe(document['b']);
  });

  test('merge keys yield to the mapping’s own keys and to earlier sources', () => {
    expect(yaml('x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  a: 0\n  <<: [*x, *y]\nw: {<<: *y, c: 3}')).toMatchObject(
      {
        z: { a: 0, b: 1, c: 2 },
        w: { b: 2, c: 3 },
      },
    );
    expect(yaml('"<<": 1\na: "? x"\nb: ?x\nc: |-\n  ? x')).toEqual({ '<<': 1, a: '? x', b: '?x', c: '? x' });
  });

  test('aliases that multiply are rejected', () => {
    const levels = Array.from(
      { length: 12 },
      (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`,
    );
    expect(refusalOf(() => yaml(['a0: &a0 [x]', ...levels].join('\n'))).message).toContain('aliases');
    const long = `a: &a ${'x'.repeat(60_000)}\nb: [*a, *a, *a, *a, *a]`;
    expect(refusalOf(() => yaml(long)).message).toContain('aliases');
    const deep = ['a0: &a0 [x]', ...Array.from({ length: 70 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}]`)];
    expect(refusalOf(() => yaml(deep.join('\n'))).message).toContain('levels of nesting');
  });
});

describe('objects of a document', () => {
  test('are plain, and reach nothing inherited', () => {
    const document = parseDocument(bytes('toString: 1\nhasOwnProperty: {valueOf: 2}'));
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype);
    expect(document).toEqual({ toString: 1, hasOwnProperty: { valueOf: 2 } });
    expect(Object.keys({})).toEqual([]);
  });
});
