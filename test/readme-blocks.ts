import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The text of README.md. */
export const readme = text;

/** The fenced blocks of `language` in the section `heading` of README.md, or in the whole file, in order. */
export const blocksOf = (language: string, heading?: string): string[] => {
  const from = heading === undefined ? 0 : text.indexOf(`\n## ${heading}\n`);
  if (from < 0) throw new Error(`README.md has no heading "${heading}"`);
  const end = heading === undefined ? -1 : text.indexOf('\n## ', from + 1);
  const section = text.slice(from, end < 0 ? undefined : end);
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );
};
