import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaText, valuesReference } from '../../infra/scripts/values-doc.ts';

const examples = new URL('../../infra/examples/', import.meta.url);

// After a change of the schema: npm run docs
test('infra/examples/values.schema.json is generated from the schema', () => {
  expect(readFileSync(new URL('values.schema.json', examples), 'utf8')).toBe(schemaText());
});

test('docs/values.md is generated from the schema', () => {
  expect(readFileSync(new URL('../../docs/values.md', import.meta.url), 'utf8')).toBe(valuesReference());
});

test('no cell of docs/values.md has more than 120 characters', () => {
  const cells = valuesReference()
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => line.split(' | ').map((cell) => cell.trim()));
  expect(cells.filter((cell) => cell.length > 120 && !cell.startsWith('---'))).toEqual([]);
});

test.each(readdirSync(examples).filter((file) => file.endsWith('.yaml')))('%s names the schema for editors', (file) => {
  const [first] = readFileSync(new URL(file, examples), 'utf8').split('\n');
  expect(first).toBe('# yaml-language-server: $schema=./values.schema.json');
});
