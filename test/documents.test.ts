import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** Every link, anchor, file name and npm script that a document or a comment names must exist. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SKIPPED = /(^|\/)(node_modules|dist|fixtures|\.terraform|\.git)(\/|$)/;

const filesIn = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => pattern.test(name) && !SKIPPED.test(name));

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...filesIn('.github', /\.md$/),
  ...['docs', 'infra', 'test', 'src'].flatMap((folder) => filesIn(folder, /\.md$/)),
];
const sources = ['src', 'test', 'infra'].flatMap((folder) => filesIn(folder, /\.(ts|mjs|tf|ya?ml)$/));

/** Files that a command of the documents creates, or that a reader writes. */
const CREATED = new Set([
  'aggregation.yaml',
  'bundle.zip',
  'dist/index.js',
  'infra/terraform/bundle.zip',
  'infra/terraform/terraform.tfvars',
  'sacred.json',
  'terraform.tfvars',
  'values.yaml',
]);

const withoutFences = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');

/** The anchors that GitHub derives from the headings of a document. */
const anchorsOf = (text: string): Set<string> =>
  new Set(
    [...withoutFences(text).matchAll(/^#+ +(.+?) *$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

describe.each(documents)('%s', (document) => {
  const text = read(document);
  const prose = withoutFences(text);

  test('links to files and anchors that exist', () => {
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? document : normalize(join(dirname(document), path));
        if (!existsSync(join(ROOT, file))) return true;
        return anchor !== undefined && !anchorsOf(read(file)).has(anchor);
      });
    expect(broken).toEqual([]);
  });

  test.skipIf(document === 'CHANGELOG.md')('names files that exist', () => {
    const quoted = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
    const inCommands = [...text.matchAll(/(?<![\w/.])((?:src|test|infra|docs)\/[\w./-]+\.\w+)\b/g)].map(
      ([, name = '']) => name,
    );
    const named = [...quoted.filter((name) => isPath(name)), ...inCommands];
    expect(named.filter((name) => !isPresent(name, dirname(document)))).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const run = [...text.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name = '']) => name);
    expect(run.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('has no table cell of more than 120 characters', () => {
    const cells = prose
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .flatMap((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()));
    expect(cells.filter((cell) => cell.length > 120)).toEqual([]);
  });
});

/** A path of this repository, such as `src/wire.ts`, `docs/` or `policy.ts`; not a pattern, a command or a URL. */
const isPath = (name: string): boolean =>
  /^[\w.-]+(\/[\w.-]+)*\/?$/.test(name) &&
  (/^(src|test|infra|docs)\//.test(name) || /\.(ts|tf|mjs|md)$/.test(name) || /^[\w.-]+\/[\w./-]+\.ya?ml$/.test(name));

const known = new Set([...sources, ...documents, ...filesIn('infra', /./)]);

/** Whether a file is at that path, from the root or a usual folder, or (for a bare name) anywhere in the tree. */
const isPresent = (name: string, folder: string): boolean => {
  if (CREATED.has(name)) return true;
  const bases = ['', folder, 'src', 'infra', 'infra/terraform', 'infra/local'];
  if (bases.some((base) => existsSync(join(ROOT, base, name)))) return true;
  const end = `/${name}`;
  return [...known].some((file) => file.endsWith(end));
};

const COMMENT = /\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$|^\s*#.*$/gm;

test('comments name documents and files that exist', () => {
  const missing = sources.flatMap((file) => {
    const comments = (read(file).match(COMMENT) ?? []).join('\n').replaceAll(/https?:\/\/\S+/g, '');
    const documentsNamed = [...comments.matchAll(/(?<![\w/.-])([\w./-]+\.md)\b/g)].map(([, name = '']) => name);
    const filesNamed = [...comments.matchAll(/(?<![\w/.-])((?:src|test|infra|docs)\/[\w./-]+\.\w+)\b/g)].map(
      ([, name = '']) => name,
    );
    return [
      ...documentsNamed.filter((name) => !THIRD_PARTY.test(name) && !existsSync(join(ROOT, name))),
      ...filesNamed.filter((name) => !isPresent(name, dirname(file))),
    ].map((name) => `${file}: ${name}`);
  });
  expect(missing).toEqual([]);
});

/** Documents of other projects, named with their project. */
const THIRD_PARTY = /^(doc\/table_format\.md)$/;

test('texts use plain words', () => {
  const unusual = /\b(told|bury|burial|the books|a look at|looks at a task)\b/i;
  const found = [...documents, ...sources.filter((file) => /\.(ts|tf)$/.test(file))]
    .filter((file) => !file.startsWith('test/'))
    .flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (unusual.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
  expect(found).toEqual([]);
});
