import { describe, expect, test } from 'vitest';
import { assertRunnable } from '../../src/rounds/check-values.ts';
import { InvalidRequestError } from '../../src/errors.ts';
import type { GsUri } from '../../src/storage/uri.ts';
import type { Values } from '../../src/values/parse-values.ts';
import { parseValues } from '../../src/values/parse-values.ts';

const ALLOWED = { namespaces: ['ns'], images: ['docai/flea-aggregator'], buckets: ['bbb', 'ccc', 'out'] };
const AGGREGATOR = {
  repository: 'docai/flea-aggregator',
  tag: '1',
  aggregationType: 'cma',
  serviceAccount: { secret: 's', key: 'k', mountPath: '/etc/s' },
};

const withUploads = (uploads: string): Values =>
  parseValues({
    aggregator: AGGREGATOR,
    rounds: [{ uploads, outputPath: 'gs://out/{taskId}/{round}/{attempt}', reportGoal: 2 }],
  });
const withLists = (object: string): Values =>
  parseValues({ aggregator: AGGREGATOR, lists: [{ object, outputPath: 'gs://out/lists/{taskId}' }] });

const STATE: GsUri = { bucket: 'bbb', name: 'state' };
const ROOT: GsUri = { bucket: 'bbb', name: '' };

describe('uploads that do not match the state', () => {
  test.each([
    ['in another bucket', withUploads('gs://ccc/{taskId}/{jobId}'), ROOT],
    ['in another folder', withUploads('gs://bbb/tasksJobs/{taskId}/{jobId}.zip'), STATE],
    ['in another folder, with state at the root', withUploads('gs://bbb/tasksJobs/{taskId}/{jobId}.zip'), ROOT],
    ['lists', withLists('gs://bbb/lists/{taskId}/all.txt'), STATE],
  ])('%s', (_what, values, stateUri) => {
    expect(() => assertRunnable(values, ALLOWED, stateUri)).not.toThrow();
  });
});

describe('uploads that match the state are refused', () => {
  test.each([
    ['the cursor of the sweep as an update', 'rounds[0].uploads', withUploads('gs://bbb/{taskId}/{jobId}'), STATE],
    ['runs as updates', 'rounds[0].uploads', withUploads('gs://bbb/state/{taskId}/{jobId}'), STATE],
    ['with state at the root', 'rounds[0].uploads', withUploads('gs://bbb/{taskId}/{jobId}'), ROOT],
    ['files of a round as lists', 'lists[0].object', withLists('gs://bbb/tasks/{taskId}/ledger.json'), ROOT],
  ])('%s', (_what, path, values, stateUri) => {
    const check = (): void => assertRunnable(values, ALLOWED, stateUri);
    expect(check).toThrow(InvalidRequestError);
    expect(check).toThrow(`${path}: matches objects that this service writes under gs://bbb/${stateUri.name}`);
  });
});
