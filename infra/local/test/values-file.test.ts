import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { readValuesFile } from '../values-file.ts';

function write(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'values-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'values.yaml');
  writeFileSync(path, text);
  return path;
}

test('the buckets of every gs:// path and of every bucket field are found, each once', () => {
  const path = write(`
aggregator: {outputPath: gs://out-bucket/a, checkpointsFilePath: gs://lists/x.txt, repository: docai/flea-aggregator}
rounds: [{uploads: "gs://up.loads/tasksJobs/{taskId}/{jobId}.zip", outputPath: "gs://out-bucket/{taskId}"}]
flea: {deployment: {fleaGcsBucket: tasks, fleaUploadGcsBucket: up.loads}}
lists: [{object: "gs://{bucket}/x"}]
`);
  expect(readValuesFile(path).buckets).toEqual(['out-bucket', 'lists', 'up.loads', 'tasks']);
});

test('the buckets of the chart’s own example are found', () => {
  const path = fileURLToPath(new URL('../../examples/values.gcs.yaml', import.meta.url));
  expect(readValuesFile(path).buckets.length).toBeGreaterThan(0);
});

test('schedules are those with a name and a cron line', () => {
  const path = write('schedules: [{name: nightly, cron: "0 2 * * *"}, {name: 5}]');
  expect(readValuesFile(path).schedules).toEqual([{ name: 'nightly', cron: '0 2 * * *' }]);
});

test('a file that cannot be read or parsed is one sentence', () => {
  expect(() => readValuesFile('/nowhere/values.yaml')).toThrow(
    '--values "/nowhere/values.yaml": the file does not exist',
  );
  expect(() => readValuesFile(write('a: [1'))).toThrow(/is not valid YAML: .+/);
});
