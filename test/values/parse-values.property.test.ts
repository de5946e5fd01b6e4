import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAggregationDocument } from '../../src/values/aggregation-document.ts';
import { requireAggregator } from '../../src/values/complete-aggregator.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { knownKeysAt } from '../../src/values/schema.ts';
import { endsAsAppError } from './refusal.ts';

// The machine that runs them may be busy.
const SLOW_MS = 60_000;

const KEYS = [
  [],
  ['aggregator'],
  ['rounds', 0],
  ['lists', 0],
  ['schedules', 0],
  ['checkSecrets', 0],
  ['repository'],
  ['repository', 'deployment'],
  ['flea', 'service'],
  ['aggregator', 'affinity'],
].flatMap((path) => knownKeysAt(path));
const words = fc.constantFrom(
  'gs://uploads/tasksJobs/{taskId}/{jobId}.zip',
  'gs://uploads/{taskId}',
  'gs://out/{taskId}/{round}/{attempt}',
  'gs://{taskId}/x',
  'gs://bucket/{a}{b}',
  'a',
  'A b',
  '',
  '4Gi',
  'memory',
  'gcs',
  'Exists',
  '* * * * *',
  'cma',
  '{',
);
const { value } = fc.letrec<{ value: JsonObject[string] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    words,
    fc.integer({ min: -2, max: 100_000 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS, 'x', 'secret', 'key', 'limits'), tie('value'), {
      maxKeys: 6,
      noNullPrototype: true,
    }),
  ),
}));
const document = fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 6, noNullPrototype: true });

const SECRET = 'hunter2';
const withSecrets = (input: JsonObject[string]): JsonObject[string] => {
  if (Array.isArray(input)) return input.map(withSecrets);
  if (typeof input !== 'object' || input === null) return SECRET;
  return Object.fromEntries(Object.entries(input).map(([key, member]) => [key, withSecrets(member)]));
};

describe('parseValues', () => {
  test(
    'returns values or throws an AppError for any mapping of known keys',
    () => {
      fc.assert(
        fc.property(document, (input) => {
          expect(endsAsAppError(() => requireAggregator(parseValues(parseAggregationDocument(input).values)))).toBe(
            true,
          );
          expect(endsAsAppError(() => parseValues(input))).toBe(true);
        }),
        { numRuns: 1000 },
      );
    },
    SLOW_MS,
  );

  test(
    'never quotes a field of a Secret',
    () => {
      const field = fc.constantFrom('modelsToken', 'repositoryApiKey', 'serviceAccount', 'repositoryUrl');
      fc.assert(
        fc.property(field, value, (key, inner) => {
          const messages = messagesOf({ aggregator: { [key]: withSecrets(inner) } });
          // A field of another kind (a mount path) is quoted like any other.
          expect(messages.filter((message) => message.includes(SECRET) && !message.includes('mountPath'))).toEqual([]);
        }),
        { numRuns: 500 },
      );
    },
    SLOW_MS,
  );
});

const messagesOf = (input: JsonObject): string[] => {
  try {
    parseValues(input);
    return [];
  } catch (error) {
    return error instanceof Error ? error.message.split('; ') : [String(error)];
  }
};
