/**
 * `node test/infra/terraform-docs.ts`: writes the tables of variables and outputs in docs/deploying.md, of the .tf files.
 * As much of HCL is read as `terraform fmt` writes of such blocks.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INFRA = fileURLToPath(new URL('../../infra/terraform/', import.meta.url));
export const README = fileURLToPath(new URL('../../docs/deploying.md', import.meta.url));

interface Block {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Top-level blocks of a kind, in the order of files and lines. */
const blocksOf = (kind: string): readonly Block[] =>
  readdirSync(INFRA)
    .filter((file) => file.endsWith('.tf'))
    .map((file) => file.slice(0, -'.tf'.length))
    .toSorted()
    .flatMap((file) => {
      const text = readFileSync(join(INFRA, `${file}.tf`), 'utf8');
      const pattern = new RegExp(`^${kind} "([^"]+)" \\{\n(.*?)\n\\}$`, 'gms');
      return [...text.matchAll(pattern)].map(([, name = '', body = '']) => ({ name, lines: body.split('\n') }));
    });

/** An argument's expression, over all of its lines; `null` when it is not given. */
const argumentOf = ({ lines }: Block, name: string): string | null => {
  const first = lines.findIndex((line) => new RegExp(`^ {2}${name} +=`).test(line));
  if (first < 0) return null;
  const rest = lines.slice(first + 1).findIndex((line) => /^ {2}[^ }\])]/.test(line));
  const until = rest < 0 ? lines.length : first + 1 + rest;
  return lines
    .slice(first, until)
    .join('\n')
    .replace(/^ {2}\w+ += /, '')
    .trimEnd();
};

/** On one line: members of an object are separated by commas. */
const flatten = (expression: string): string =>
  expression
    .replaceAll(/ *\n */g, ', ')
    .replaceAll(/([({]), /g, '$1 ')
    .replaceAll(/, ([)}])/g, ' $1')
    .replaceAll(/ +/g, ' ');

const describe = (block: Block): string => {
  const text = argumentOf(block, 'description');
  if (text === null) throw new Error(`"${block.name}" has no description`);
  return String(JSON.parse(text));
};

type Row = readonly string[];

const code = (text: string): string => `\`${text}\``;

/** Name, description, type, default of every variable. */
export const inputRows = (): readonly Row[] =>
  blocksOf('variable').map((block) => {
    const type = argumentOf(block, 'type');
    if (type === null) throw new Error(`variable "${block.name}" has no type`);
    const fallback = argumentOf(block, 'default');
    return [
      code(block.name),
      describe(block),
      code(flatten(type)),
      fallback === null ? 'required' : code(flatten(fallback)),
    ];
  });

/** Name and description of every output. */
export const outputRows = (): readonly Row[] => blocksOf('output').map((block) => [code(block.name), describe(block)]);

const escape = (cell: string): string => cell.replaceAll('|', String.raw`\|`);

const tableOf = (head: Row, rows: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(escape).join(' | ')} |`).join('\n');

const mark = (name: string): readonly [string, string] => [
  `<!-- ${name}: of the .tf files -->`,
  `<!-- end of ${name} -->`,
];

/** The cells of the table between the marks of `name`, without its head. */
export const rowsIn = (readme: string, name: string): readonly Row[] => {
  const [from, to] = mark(name);
  const section = readme.slice(readme.indexOf(from) + from.length, readme.indexOf(to));
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|')),
  );
};

const replaceTable = (readme: string, name: string, table: string): string => {
  const [from, to] = mark(name);
  if (!readme.includes(from) || !readme.includes(to)) throw new Error(`docs/deploying.md has no "${from}"`);
  return `${readme.slice(0, readme.indexOf(from) + from.length)}\n\n${table}\n\n${readme.slice(readme.indexOf(to))}`;
};

if (process.argv[1] === import.meta.filename) {
  const before = readFileSync(README, 'utf8');
  const inputs = tableOf(['variable', 'what it is', 'type', 'default'], inputRows());
  const outputs = tableOf(['output', 'what it is'], outputRows());
  writeFileSync(README, replaceTable(replaceTable(before, 'inputs', inputs), 'outputs', outputs));
  process.stdout.write('docs/deploying.md: its tables are written; format it with: npx oxfmt docs/deploying.md\n');
}
