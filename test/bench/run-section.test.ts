import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runSection } from './run-section.ts';
import type { Bench, Section } from './section.ts';

const sectionOf = (run: (bench: Bench) => Promise<void>): Section => ({ name: 'x', title: 'X', about: 'X.', run });

test('a section that fails keeps what it has found, says why, and leaves nothing behind', async () => {
  const ends: string[] = [];
  let folder = '';
  const report = await runSection(
    sectionOf(async ({ scope, add }) => {
      folder = scope.folder();
      scope.keep({ close: async () => ends.push('first') });
      scope.keep({ close: async () => Promise.reject(new Error('cannot be ended')) });
      scope.keep({ close: async () => ends.push('last') });
      add('found');
      throw new Error('no server');
    }),
    'quick',
  );
  expect(report).toMatchObject({ parts: ['found'], problem: 'This could not be measured to its end: no server' });
  expect(ends).toEqual(['last', 'first']);
  expect(existsSync(folder)).toBe(false);
});

test('what is started after the end of a section is ended at once', async () => {
  const ends: string[] = [];
  let late: Bench['scope'] | undefined;
  const { problem } = await runSection(
    sectionOf(async ({ scope }) => {
      late = scope;
    }),
    'quick',
  );
  late?.keep({ close: async () => ends.push('late') });
  expect(problem).toBeUndefined();
  expect(ends).toEqual(['late']);
});
