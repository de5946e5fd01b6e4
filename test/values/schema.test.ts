import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaText, valuesReference } from '../../infra/scripts/values-doc.ts';
import { isJsonObject } from '../../src/values/json.ts';
import { valuesJsonSchema } from '../../src/values/schema.ts';

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

test('every property of the JSON Schema has a description', () => {
  expect(undescribed(valuesJsonSchema(), '')).toEqual([]);
});

test.each(readdirSync(examples).filter((file) => file.endsWith('.yaml')))('%s names the schema for editors', (file) => {
  const [first] = readFileSync(new URL(file, examples), 'utf8').split('\n');
  expect(first).toBe('# yaml-language-server: $schema=./values.schema.json');
});

function undescribed(node: unknown, path: string): string[] {
  if (Array.isArray(node)) return node.flatMap((member, index) => undescribed(member, `${path}[${index}]`));
  if (!isJsonObject(node)) return [];
  const properties = isJsonObject(node['properties']) ? Object.entries(node['properties']) : [];
  const own = properties
    .filter(([, property]) => !isJsonObject(property) || typeof property['description'] !== 'string')
    .map(([name]) => `${path}.${name}`);
  return [...own, ...Object.entries(node).flatMap(([name, member]) => undescribed(member, `${path}.${name}`))];
}
