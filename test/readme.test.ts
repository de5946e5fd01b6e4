import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseDocument } from '../src/values/parse-document.ts';
import { parseValues } from '../src/values/parse-values.ts';
import { blocksOf, readme } from './readme-blocks.ts';

test('the example values are valid', () => {
  const [example = ''] = blocksOf('yaml', 'Rounds');
  const text = example.replaceAll('UPLOADS', 'uploads').replaceAll('OUT', 'out').replaceAll('JOBS', 'jobs');
  expect(parseValues(parseDocument(Buffer.from(text))).rounds).toHaveLength(1);
  expect(parse(text)).toHaveProperty('lists');
});

test('it has at most 150 lines', () => {
  expect(readme.split('\n').length - 1).toBeLessThanOrEqual(150);
});
