import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The README's text. */
export const readme = text;

/** The fenced blocks of `language` below the heading `heading` (of the whole README without one), in order. */
export const blocksOf = (language: string, heading?: string): string[] => {
  const from = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`README.md has no heading "${heading}"`);
  const end = heading === undefined ? -1 : text.indexOf('\n## ', from + 1);
  const section = text.slice(from, end < 0 ? undefined : end);
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );
};

/** The first cells of the table below `heading`, without backticks. */
export const firstCells = (heading: string): string[] => {
  const from = text.indexOf(`\n## ${heading}\n`);
  const section = text.slice(from, text.indexOf('\n## ', from + 1));
  return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, cell = '']) => cell);
};
