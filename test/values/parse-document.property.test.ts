import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseAggregationDocument } from '../../src/values/aggregation-document.ts';
import { isDangerousKey } from '../../src/values/json.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { endsAsAppError } from './refusal.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const key = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('yes', 'null', '1', '1.0', '~', 'a: b', '- a', '#x', '', ' '))
  // An unquoted "<<", as `yaml` prints it, is a merge key.
  .filter((text) => !isDangerousKey(text) && text !== '<<');
const scalar = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true, noNaN: true }).filter((number) => !Number.isInteger(number)),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(
    'yes',
    'no',
    '1.10',
    '017',
    '.inf',
    '~',
    'null',
    '*a',
    '&a',
    '!x',
    '%x',
    '@x',
    '- x',
    '"',
    "'",
    '2024-01-01',
    '\u2028',
    '\u0085',
  ),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));
const document = fc.dictionary(key, value, { maxKeys: 5 });
const plain = (input: unknown): unknown => JSON.parse(JSON.stringify(input));

// The machine that runs them may be busy.
const SLOW_MS = 60_000;

const BODY = `namespace: default
aggregator:
  repository: docai/flea-aggregator
  tag: "1.10"
  serviceAccount: {secret: s, key: sacred.json, mountPath: /etc/sacred/}
  tolerations: &t
    - {key: a, operator: Exists}
  podLabels:
    "team": 'x'
rounds:
  - uploads: gs://bucket/tasksJobs/{taskId}/{jobId}.zip
    reportGoal: 10
`;

const readAll = (bytes: Uint8Array, contentType?: string): void => {
  const read = parseDocument(bytes, { contentType });
  parseValues(parseAggregationDocument(read).values);
};

describe('parseDocument', () => {
  test('reads back what was printed as JSON', () => {
    fc.assert(
      fc.property(document, fc.constantFrom('application/json', undefined), (input, contentType) => {
        expect(parseDocument(encode(JSON.stringify(input)), { contentType })).toEqual(plain(input));
      }),
      { numRuns: 500 },
    );
  });

  test('reads back what was printed as YAML', () => {
    fc.assert(
      fc.property(document, (input) => {
        expect(
          parseDocument(encode(stringify(plain(input), { version: '1.2', aliasDuplicateObjects: false }))),
        ).toEqual(plain(input));
      }),
      { numRuns: 500 },
    );
  });

  test('agrees with JSON.parse on what is JSON', () => {
    const text = fc.string({
      unit: fc.constantFrom(...'{}[]:,"\\0123456789.eE+-truefalsn \n'.split('')),
      maxLength: 30,
    });
    fc.assert(
      fc.property(text, (inner) => {
        const body = `{"a":${inner}}`;
        const ours = attempt(() => parseDocument(encode(body), { contentType: 'application/json' }));
        const theirs = attempt(() => JSON.parse(body) as unknown);
        expect([theirs, REFUSED]).toContainEqual(ours);
      }),
      { numRuns: 2000 },
    );
  });

  test('returns data or throws an AppError for any bytes', () => {
    const types = fc.constantFrom('application/json', undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), types, (bytes, contentType) => {
        expect(endsAsAppError(() => readAll(bytes, contentType))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test(
    'returns data or throws an AppError for any text of YAML’s special characters',
    () => {
      const text = fc.string({
        unit: fc.constantFrom(...'{}[]:,"\'\\-?&*!|>%@`#~<=. \n\tabc019'.split('')),
        maxLength: 120,
      });
      fc.assert(
        fc.property(text, (body) => {
          expect(endsAsAppError(() => readAll(encode(body)))).toBe(true);
        }),
        { numRuns: 1000 },
      );
    },
    SLOW_MS,
  );

  test(
    'returns data or throws an AppError for a damaged values file',
    () => {
      const cut = fc.record({
        at: fc.nat(BODY.length),
        drop: fc.nat(12),
        put: fc.string({ unit: fc.constantFrom(...'{}[]:,"\'\\-?&*!|>%@#~ \n\t1ax<'.split('')), maxLength: 5 }),
      });
      fc.assert(
        fc.property(fc.array(cut, { minLength: 1, maxLength: 4 }), (cuts) => {
          const body = cuts.reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), BODY);
          expect(endsAsAppError(() => readAll(encode(body)))).toBe(true);
        }),
        { numRuns: 1000 },
      );
    },
    SLOW_MS,
  );
});

const REFUSED = Symbol('refused');
const attempt = (act: () => unknown): unknown => {
  try {
    return act();
  } catch {
    return REFUSED;
  }
};
