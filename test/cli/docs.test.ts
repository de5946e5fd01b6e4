import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderCliDocs } from '../../infra/scripts/cli-docs.ts';

/** The formatter pads tables. */
const withoutPadding = (text: string): string => text.replaceAll(/ {2,}/g, ' ').replaceAll(/-{3,}/g, '---');

test('docs/cli.md is what npm run docs writes', () => {
  const written = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  expect(withoutPadding(written)).toBe(withoutPadding(renderCliDocs()));
});
