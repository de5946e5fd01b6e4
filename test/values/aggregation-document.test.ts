import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAggregationDocument } from '../../src/values/aggregation-document.ts';
import { requireAggregator } from '../../src/values/complete-aggregator.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { valuesJsonSchema } from '../../src/values/schema.ts';
import { mergeValues } from '../../src/values/merge.ts';
import { applySet } from '../../src/values/overrides.ts';
import { refusalOf } from './refusal.ts';

const example = (name: string): JsonObject =>
  parseDocument(readFileSync(new URL(`../../infra/examples/values.${name}.yaml`, import.meta.url)));

describe('the example values files', () => {
  test.each(['basic', 'gcs', 'aggregator', 'checkSecrets'])('values.%s.yaml is accepted unchanged', (name) => {
    const document = example(name);
    expect(parseValues(document)).toMatchObject({ ...document });
    expect(parseAggregationDocument(document)).toEqual({ form: 'values', values: document });
  });

  test('the aggregator’s is a whole run, with the overrides of the chart’s readme', () => {
    const sets = [
      'aggregator.tag=1234567',
      'aggregator.aggregationId=aggregation-20240101-1200',
      'aggregator.outputPath=gs://b-out/x',
    ];
    const values = sets.reduce((sum, set) => applySet(sum, set, { kind: 'set-string' }), example('aggregator'));
    expect(requireAggregator(parseValues(values))).toMatchObject({
      tag: '1234567',
      aggregationId: 'aggregation-20240101-1200',
      outputPath: 'gs://b-out/x',
      aggregationType: 'wcma',
    });
  });
});

describe('parseAggregationDocument', () => {
  test.each<[JsonObject, JsonObject]>([
    [{}, {}],
    [{ tag: 'x' }, { aggregator: { tag: 'x' } }],
    [
      { repository: 'docai/x', namespace: 'n', checkSecrets: [] },
      { namespace: 'n', checkSecrets: [], aggregator: { repository: 'docai/x' } },
    ],
    [{ namespace: 'n' }, { namespace: 'n' }],
    [{ tag: 'x', aggregator: null }, { aggregator: { tag: 'x' } }],
    [{ tag: null }, { aggregator: { tag: null } }],
  ])('takes the fields of %j', (document, values) => {
    const parsed = parseAggregationDocument(document);
    expect(parsed.form).toBe('fields');
    expect(mergeValues({}, parsed.values)).toEqual(mergeValues({}, values));
  });

  test.each<[JsonObject]>([
    [{ aggregator: {} }],
    [{ repository: { release: true } }],
    [{ flea: {}, namespace: 'n' }],
    [{ rounds: [] }],
    [{ aggregator: 'x' }],
  ])('takes %j as a values document', (document) => {
    expect(parseAggregationDocument(document)).toEqual({ form: 'values', values: document });
  });

  test('leaves unknown keys of a values document to the check of the whole', () => {
    expect(parseAggregationDocument({ aggregator: {}, unknown: 1 }).form).toBe('values');
  });

  test('rejects a mix of both and names the fields', () => {
    const { issues } = refusalOf(() =>
      parseAggregationDocument({ aggregator: { tag: 'x' }, tag: 'y', outputPath: 'z' }),
    );
    expect(issues.map(({ path }) => path)).toEqual(['tag', 'outputPath']);
    expect(issues[0]?.message).toContain('write aggregator.tag');
  });

  test('rejects unknown fields and names the nearest ones', () => {
    const { issues } = refusalOf(() => parseAggregationDocument({ tagg: 'x', agregator: {}, zzzzzzzzzz: 1 }));
    expect(issues.map(({ message }) => message)).toEqual([
      expect.stringContaining('did you mean "tag"?'),
      expect.stringContaining('did you mean "aggregator"?'),
      expect.stringContaining('a section "aggregator"'),
    ]);
  });
});

describe('requireAggregator', () => {
  const complete = {
    repository: 'docai/x',
    tag: 't',
    aggregationId: 'a',
    checkpointsFilePath: 'gs://bucket/l',
    outputPath: 'gs://bucket/o',
    aggregationType: 'cma',
  } as const;
  const bundle = {
    resourcePath: '/models/m',
    outputResourcePath: '/models/n',
    repositoryUrl: 'https://host',
    modelsToken: { secret: 's', key: 'k' },
    repositoryApiKey: { secret: 's', key: 'k' },
    exportType: 'bundle',
  } as const;

  test('takes a digest for a tag, and all fields of the later interface', () => {
    const { tag: _tag, ...rest } = complete;
    expect(requireAggregator({ aggregator: { ...rest, digest: 'd', ...bundle } })).toEqual({
      ...rest,
      digest: 'd',
      ...bundle,
    });
    expect(requireAggregator({ aggregator: complete })).toEqual(complete);
  });

  test('names all missing fields at once', () => {
    const { issues } = refusalOf(() => requireAggregator({}));
    expect(issues.map(({ path }) => path)).toEqual([
      'aggregator.repository',
      'aggregator.aggregationId',
      'aggregator.checkpointsFilePath',
      'aggregator.outputPath',
      'aggregator.aggregationType',
      'aggregator.tag',
    ]);
  });

  test('exports a bundle by default, and a checkpoint only with an image that is not known to fail at it', () => {
    const { exportType: _default, ...five } = bundle;
    expect(requireAggregator({ aggregator: { ...complete, ...five } })).not.toHaveProperty('exportType');
    const checkpoint = { ...complete, ...five, exportType: 'checkpoint' as const };
    for (const repository of ['docai/flea-aggregator', 'europe-docker.pkg.dev/p/r/flea-aggregator']) {
      const { issues } = refusalOf(() => requireAggregator({ aggregator: { ...checkpoint, repository } }));
      expect(issues).toEqual([
        {
          path: 'aggregator.exportType',
          message: expect.stringContaining('Write bundle (the default) or saved_model'),
        },
      ]);
    }
    const repository = 'ours/exports-checkpoints';
    expect(requireAggregator({ aggregator: { ...checkpoint, repository } })).toMatchObject({
      exportType: 'checkpoint',
    });
  });

  test('needs no id where one is derived', () => {
    const { aggregationId: _id, ...rest } = complete;
    expect(requireAggregator({ aggregator: rest }, { idIsDerived: true })).toEqual(rest);
    expect(() => requireAggregator({ aggregator: rest })).toThrow('aggregationId');
  });

  test.each(Object.keys(bundle))('names the others that are required when only %s is given', (field) => {
    const given = Object.fromEntries(Object.entries(bundle).filter(([key]) => key === field));
    const { issues } = refusalOf(() => requireAggregator({ aggregator: { ...complete, ...given } }));
    expect(issues.map(({ path }) => path)).toEqual(
      Object.keys(bundle)
        .filter((key) => key !== field && key !== 'exportType')
        .map((key) => `aggregator.${key}`),
    );
    expect(issues[0]?.message).toContain(`${field} is given`);
  });
});

describe('the JSON Schema of the values', () => {
  test('is draft 2020-12 and knows every section and its keys', () => {
    const schema = valuesJsonSchema();
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      additionalProperties: false,
      properties: {
        aggregator: {
          additionalProperties: false,
          properties: { tag: { type: 'string', pattern: expect.any(String) } },
        },
        rounds: { type: 'array', items: { required: ['uploads', 'outputPath', 'reportGoal'] } },
      },
    });
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});
