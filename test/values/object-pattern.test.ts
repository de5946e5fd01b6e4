import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  directoryFeeds,
  parseDirectoryPattern,
  parseObjectPattern,
  parseUploadPattern,
  patternsOverlap,
  placeholdersOf,
} from '../../src/values/object-pattern.ts';

const pattern = (text: string) => parseObjectPattern(`gs://bucket/${text}`, 'field');

describe('patterns', () => {
  test.each([
    ['a', 'a', true],
    ['a', 'b', false],
    ['{x}', 'b', true],
    ['b', '{x}', true],
    ['a-{x}', 'a-', false],
    ['a-{x}', 'a-b', true],
    ['{x}.zip', 'a.zip', true],
    ['{x}.zip', '.zip', false],
    ['{x}.zip', '{y}.txt', false],
    ['{x}.zip', '{y}', true],
    ['a{x}', 'b{y}', false],
    ['a{x}c', 'ab{y}bc', true],
    ['{x}/a', '{x}', false],
    ['{x}/a', 'b/{y}', true],
    ['{x}/a', 'b/c', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(patternsOverlap(pattern(a), pattern(b))).toBe(expected);
    expect(patternsOverlap(pattern(b), pattern(a))).toBe(expected);
  });

  test('of different buckets never overlap', () => {
    expect(patternsOverlap(parseObjectPattern('gs://bucket/a', 'f'), parseObjectPattern('gs://other/a', 'f'))).toBe(
      false,
    );
  });

  test.each([
    ['a', 'a/{x}', true],
    ['a/', 'a/{x}', true],
    ['a', '{x}/{y}/z', true],
    ['{x}', 'a/b', true],
    ['a', 'a', false],
    ['a/b', 'a', false],
    ['b', 'a/{x}', false],
  ])('the directory %s feeds %s: %s', (directory, objects, expected) => {
    expect(directoryFeeds(parseDirectoryPattern(`gs://bucket/${directory}`, 'field'), pattern(objects))).toBe(expected);
  });

  test('overlap exactly when some short name matches both', () => {
    const part = fc.tuple(fc.constantFrom('', 'a', 'b', 'ab'), fc.boolean(), fc.constantFrom('', 'a', 'b', 'ba'));
    const segment = part.map(([head, wild, tail]) => ({
      text: wild ? `${head}{x}${tail}` : `${head}c${tail}`,
      regex: wild ? `${head}.+${tail}` : `${head}c${tail}`,
    }));
    const names = shortNames(['a', 'b', 'c'], 5);
    fc.assert(
      fc.property(segment, segment, (a, b) => {
        const both = names.some(
          (name) => new RegExp(`^${a.regex}$`).test(name) && new RegExp(`^${b.regex}$`).test(name),
        );
        expect(patternsOverlap(pattern(a.text), pattern(b.text))).toBe(both);
      }),
    );
  });

  test.each([
    ['gs://bucket/{taskId}/{jobId}.zip', null],
    ['gs://bucket/x/{taskId}/y/a-{jobId}', null],
    ['gs://bucket/{taskId}.d/{jobId}', 'a path segment of its own'],
    ['gs://bucket/{jobId}/{taskId}', '{jobId} must be in the last'],
    ['gs://bucket/{taskId}/{taskId}/{jobId}', 'may occur once'],
    ['gs://bucket/{taskId}/{x}/{jobId}', '{x} is not known'],
    ['gs://bucket/{taskId}/{jobId}{x}', 'one {placeholder} at most'],
    ['gs://bucket/{taskId/{jobId}', 'no other braces'],
    ['bucket/{taskId}/{jobId}', 'not a gs:// path'],
    ['gs://bucket/{taskId}/{jobId}/', 'ends in "/"'],
  ])('the uploads %s: %s', (text, words) => {
    const outcome = ((): string => {
      try {
        return placeholdersOf(parseUploadPattern(text, 'rounds[0].uploads')).join();
      } catch (error) {
        return String(error);
      }
    })();
    expect(outcome).toContain(words ?? 'taskId,jobId');
  });
});

function shortNames(letters: readonly string[], length: number): string[] {
  return length === 0 ? [''] : [...shortNames(letters, length - 1), ...longNames(letters, length)];
}
function longNames(letters: readonly string[], length: number): string[] {
  return length === 0 ? [''] : longNames(letters, length - 1).flatMap((name) => letters.map((letter) => name + letter));
}
