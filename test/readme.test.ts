import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { EnvironmentSchema } from '../src/config.ts';
import { parseDocument } from '../src/values/parse-document.ts';
import { parseValues } from '../src/values/parse-values.ts';
import { blocksOf, firstCells, readme } from './readme-blocks.ts';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

test('the table of scripts is package.json’s', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const told = firstCells('Scripts').map((command) => command.replace(/^npm (run )?/, ''));
  expect(told.toSorted()).toEqual(Object.keys(scripts).toSorted());
});

test('the table of variables is the schema’s', () => {
  expect(firstCells('Configuration').toSorted()).toEqual(Object.keys(EnvironmentSchema.shape).toSorted());
});

test('the example values are valid', () => {
  const [example = ''] = blocksOf('yaml', 'How a round works');
  const text = example.replaceAll('UPLOADS', 'uploads').replaceAll('OUT', 'out').replaceAll('JOBS', 'jobs');
  expect(parseValues(parseDocument(Buffer.from(text))).rounds).toHaveLength(1);
  expect(parse(text)).toHaveProperty('lists');
});

test('the files that it names are there', () => {
  const named = [...readme.matchAll(/`((?:src|test|infra|\.ci)\/[\w./-]*)`/g)].map(([, file = '']) => file);
  const absent = named.filter((file) => {
    try {
      return file.endsWith('/') ? false : read(file) === '';
    } catch {
      return true;
    }
  });
  expect(absent).toEqual([]);
});
