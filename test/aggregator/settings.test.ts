import { describe, expect, test } from 'vitest';
import { parseSettings } from '../../src/aggregator/settings.ts';

const first = {
  AGGREGATION_TYPE: 'wcma',
  AGGREGATION_CKPTS_FILELIST: 'gs://b/list.txt',
  AGGREGATION_OUTPUT_PATH: '/out',
};
const later = {
  ...first,
  AGGREGATION_TYPE: 'CumulativeMovingAverage',
  AGGREGATION_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/c',
  AGGREGATION_OUTPUT_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/d',
  REPOSITORY: 'http://repository/rest',
  TENSORIO_MODELS_TOKEN: 'models-secret',
  REPOSITORY_API_KEY: 'api-secret',
  AGGREGATION_EXPORT_TYPE: 'checkpoint',
};

describe('the environment', () => {
  test('of the first interface is enough', () => {
    expect(parseSettings(first)).toEqual({
      weighted: true,
      listPath: 'gs://b/list.txt',
      outputPath: '/out',
      later: false,
      repository: undefined,
      credentialsPath: undefined,
      endpoint: undefined,
    });
  });

  test('of the later interface is known by its variables', () => {
    expect(parseSettings(later)).toMatchObject({ weighted: false, later: true, repository: 'http://repository/rest' });
  });

  test.each([
    ['cma', false],
    ['wcma', true],
    ['CumulativeMovingAverage', false],
    ['WeightedCumulativeMovingAverage', true],
  ])('may ask for %s', (type, weighted) => {
    expect(parseSettings({ ...first, AGGREGATION_TYPE: type }).weighted).toBe(weighted);
  });

  test('of nothing names all that is missing', () => {
    expect(() => parseSettings({})).toThrow(
      'AGGREGATION_TYPE is not set; AGGREGATION_CKPTS_FILELIST is not set; AGGREGATION_OUTPUT_PATH is not set',
    );
  });

  test.each(Object.keys(later).filter((name) => !(name in first)))('of the later interface must have %s', (name) => {
    expect(() => parseSettings({ ...later, [name]: '' })).toThrow(`${name} is not set`);
  });

  test('with one variable of the later interface must have all of them', () => {
    expect(() => parseSettings({ ...first, TENSORIO_MODELS_TOKEN: 'models-secret' })).toThrow(
      /RESOURCE_PATH is not set; .*OUTPUT_RESOURCE_PATH is not set; REPOSITORY is not set; REPOSITORY_API_KEY is not set; AGGREGATION_EXPORT_TYPE is not set$/,
    );
  });

  test.each([
    ['AGGREGATION_TYPE', 'mean', 'must be one of cma, wcma, CumulativeMovingAverage, WeightedCumulativeMovingAverage'],
    ['AGGREGATION_EXPORT_TYPE', 'saved_model', 'the reference aggregator exports checkpoint only'],
    ['AGGREGATION_EXPORT_TYPE', 'bundle', 'the reference aggregator exports checkpoint only'],
    ['AGGREGATION_EXPORT_TYPE', 'zip', 'it must be checkpoint, saved_model or bundle'],
    ['AGGREGATION_CKPTS_FILELIST', 's3://b/list.txt', 'neither a gs:// path nor a local one'],
    ['AGGREGATION_OUTPUT_PATH', 'gs://bucket', 'not of the form gs://BUCKET/NAME'],
    ['STORAGE_API_ENDPOINT', 'localhost:9000', 'it must be an http or https URL'],
  ])('with %s=%s is refused', (name, value, reason) => {
    expect(() => parseSettings({ ...later, [name]: value })).toThrow(reason);
  });

  test('is refused without telling the value of a token', () => {
    expect(() => parseSettings({ ...later, REPOSITORY: '', AGGREGATION_TYPE: 'x' })).not.toThrow(/secret/);
  });
});
