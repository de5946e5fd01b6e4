import { describe, expect, test } from 'vitest';
import { fillPath, matchPattern } from '../../src/rounds/pattern.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';

const UPLOADS = parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip');

describe('what a pattern matches', () => {
  test.each([
    ['tasksJobs/t/j.zip', { taskId: 't', jobId: 'j' }],
    ['tasksJobs/t/a.zip.zip', { taskId: 't', jobId: 'a.zip' }],
    ['tasksJobs/t/.zip', null],
    ['tasksJobs/t/x/j.zip', null],
    ['tasksJobs//j.zip', null],
    ['tasksJobs/t/j.tar', null],
    ['other/t/j.zip', null],
  ])('%s', (name, expected) => {
    const found = matchPattern(UPLOADS, { bucket: 'uploads', name });
    expect(found === null ? null : Object.fromEntries(found)).toEqual(expected);
    expect(matchPattern(UPLOADS, { bucket: 'elsewhere', name })).toBeNull();
  });
});

describe('paths', () => {
  test('a value that looks like a placeholder stays as it is', () => {
    const path = fillPath('gs://out/{taskId}/{round}', { taskId: '{round}', round: '7' }, 'outputPath');
    expect(path).toBe('gs://out/{round}/7');
  });

  test('a path that a value makes unusable is refused', () => {
    expect(() => fillPath('gs://out/{taskId}/x', { taskId: '..' }, 'outputPath')).toThrow('outputPath: ');
  });
});
