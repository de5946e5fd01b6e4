import { describe, expect, test } from 'vitest';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import { classifyObject, fillPath, matchPattern, taskPrefix, tasksPrefix } from '../../src/rounds/update.ts';

const UPLOADS = parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip');
const classify = (name: string, bucket = 'uploads') =>
  classifyObject([{ uploads: UPLOADS, taskIdPrefix: '' }], { bucket, name });

describe('objects', () => {
  test('an update names its task and its job', () => {
    expect(classify('tasksJobs/mnist/1f.zip')).toMatchObject({ kind: 'update', taskId: 'mnist', jobId: '1f' });
  });

  test.each([
    ['tasksJobs/../1f.zip', 'segment'],
    ['tasksJobs/a\nb/1f.zip', 'control characters'],
    ['tasksJobs/mnist/a\u0007.zip', 'control characters'],
    [`tasksJobs/${'t'.repeat(513)}/1.zip`, 'longer than 512 bytes'],
    [`tasksJobs/t/${'j'.repeat(1020)}.zip`, 'longer than 1024 bytes'],
    ['tasksJobs/ t/j.zip', 'spaces'],
    ['tasksJobs/a b/j.zip', 'white space'],
    ['tasksJobs/$(id)/j.zip', 'another character that a shell interprets'],
    ['tasksJobs/mnist/a,b.zip', 'comma'],
    ['tasksJobs/mnist/a"b.zip', 'double quote'],
  ])('%j cannot be used, and says why', (name, reason) => {
    expect(classify(name)).toMatchObject({ kind: 'unusable', reason: expect.stringContaining(reason) });
  });

  test('whatever else is nothing to the rounds', () => {
    expect(classify('models/m/model.json')).toEqual({ kind: 'none' });
    expect(classify('tasksJobs/mnist/1f.zip', 'elsewhere')).toEqual({ kind: 'none' });
  });

  test('prefixes for listing one task, and all', () => {
    expect(taskPrefix({ uploads: UPLOADS, taskIdPrefix: '' }, 'mnist')).toBe('tasksJobs/mnist/');
    expect(tasksPrefix(UPLOADS)).toBe('tasksJobs/');
    const deep = parseUploadPattern('gs://uploads/{taskId}/updates/u-{jobId}.zip');
    expect(taskPrefix({ uploads: deep, taskIdPrefix: '' }, 'mnist')).toBe('mnist/updates/u-');
    expect(tasksPrefix(deep)).toBe('');
  });
});

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

test('a folder whose task id belongs to another pattern is unusable', () => {
  const ios = { uploads: parseUploadPattern('gs://uploads/ios/{taskId}/{jobId}.zip'), taskIdPrefix: 'ios-' };
  const rules = [{ uploads: UPLOADS, taskIdPrefix: '' }, ios];
  const kindOf = (name: string) => classifyObject(rules, { bucket: 'uploads', name });
  expect(kindOf('ios/m/1.zip')).toEqual({ kind: 'update', taskId: 'ios-m', jobId: '1' });
  expect(kindOf('tasksJobs/ios-m/1.zip')).toMatchObject({
    kind: 'unusable',
    reason: expect.stringContaining('which belongs to rounds[].uploads gs://uploads/ios/'),
  });
});
