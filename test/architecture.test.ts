import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The structure of src/, as docs/architecture.md describes it. */
const src = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const contentOf = (file: string): string => readFileSync(join(src, file), 'utf8');

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC_IMPORT = /\bimport\('([^']+)'\)/g;

const importsOf = (from: string): Import[] =>
  [
    ...[...contentOf(from).matchAll(IMPORT)].map(([, type, to = '']) => ({ to, isType: type !== undefined })),
    ...[...contentOf(from).matchAll(DYNAMIC_IMPORT)].map(([, to = '']) => ({ to, isType: false })),
  ].map(({ to, isType }) => ({ from, to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to, isType }));

/** `@scope/package` or `package` of a module's name. */
const packageOf = (name: string): string =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');

const imports = files.flatMap(importsOf);
const inside = imports.filter(({ to }) => files.includes(to));

const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

/** The ports and their types: the only files of these folders that other folders may import. */
const PORTS: ReadonlySet<string> = new Set([
  'cluster/port.ts',
  'cluster/release-port.ts',
  'storage/port.ts',
  'storage/uri.ts',
]);
const COMMON: ReadonlySet<string> = new Set([
  'errors.ts',
  'log.ts',
  'upstream/call.ts',
  'upstream/memoise.ts',
  'upstream/pages.ts',
  'upstream/network-error.ts',
]);

/**
 * Which folder may import which. Every folder may import itself, the ports, errors.ts and log.ts. `release` imports `runs`
 * only where it launches the aggregation of the released values, and types.
 */
/** Programs of their own: they import nothing of the functions, and the functions nothing of them. */
const PROGRAMS: ReadonlySet<string> = new Set(['aggregator', 'cli']);

const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'index.ts': ['wire.ts', 'config.ts', 'functions'],
  'wire.ts': ['config.ts', 'functions', 'runs', 'rounds', 'release', 'jobs', 'values', 'cluster', 'storage'],
  'config.ts': [],
  'errors.ts': [],
  'log.ts': [],
  functions: ['runs', 'rounds', 'release', 'jobs', 'values'],
  release: ['runs', 'jobs', 'values'],
  runs: ['jobs', 'values'],
  rounds: ['jobs', 'values'],
  jobs: ['values'],
  values: [],
  cluster: [],
  storage: [],
  upstream: [],
  aggregator: [],
  cli: [],
};

/** Files of `release` that launch an aggregation, as `runs` does. */
const LAUNCHES_AGGREGATION: ReadonlySet<string> = new Set(['release/deploy.ts', 'release/desired.ts']);

/** The only exception: the type of the cluster configuration belongs to the adapter that it configures. */
const isConfigType = ({ from, to, isType }: Import): boolean =>
  from === 'config.ts' && to === 'cluster/access.ts' && isType;

const isAllowed = (arrow: Import): boolean => {
  const [from, to] = [roomOf(arrow.from), roomOf(arrow.to)];
  if (from === to || isConfigType(arrow)) return true;
  if (from === 'release' && to === 'runs') return arrow.isType || LAUNCHES_AGGREGATION.has(arrow.from);
  if (!PROGRAMS.has(from) && (COMMON.has(arrow.to) || (PORTS.has(arrow.to) && arrow.from !== 'errors.ts'))) return true;
  return (ARROWS[from] ?? []).includes(to);
};

const arrow = ({ from, to }: Import): string => `${from} -> ${to}`;

test('every folder has its arrows', () => {
  expect([...new Set(files.map(roomOf))].filter((room) => !(room in ARROWS))).toEqual([]);
});

test('imports follow the arrows', () => {
  expect(inside.filter((one) => !isAllowed(one)).map(arrow)).toEqual([]);
});

test('every relative import names an existing file', () => {
  expect(imports.filter(({ to }) => to.endsWith('.ts') && !files.includes(to)).map(arrow)).toEqual([]);
});

test('only wire.ts imports the adapters, and no file imports the local stack or the aggregator', () => {
  const isAdapter = (file: string): boolean => /^(cluster|storage)\//.test(file) && !PORTS.has(file);
  const outside = inside.filter((one) => roomOf(one.from) !== roomOf(one.to) && !isConfigType(one));
  expect(outside.filter(({ from, to }) => isAdapter(to) && from !== 'wire.ts').map(arrow)).toEqual([]);
  expect(
    imports
      .filter(({ to }) => to.startsWith('../') || PROGRAMS.has(roomOf(to)))
      .filter(({ from }) => !PROGRAMS.has(roomOf(from)))
      .map(arrow),
  ).toEqual([]);
});

test('only the adapters import client libraries, except for their types', () => {
  const homes: Readonly<Record<string, string>> = {
    '@google-cloud/storage': 'storage',
    'google-auth-library': 'cluster',
    '@kubernetes/client-node': 'cluster',
    undici: 'cluster',
  };
  const strays = imports.filter(
    ({ from, to, isType }) =>
      !isType && packageOf(to) in homes && roomOf(from) !== homes[packageOf(to)] && !PROGRAMS.has(roomOf(from)),
  );
  expect(strays.map(arrow)).toEqual([]);
});

/** Files whose functions depend on their arguments only. */
const PURE = [
  /^values\//,
  /^functions\/powers\.ts$/,
  /^config\.ts$/,
  /^jobs\/(allowed|explain|facts|manifest|names|pod-overlay|secrets|spec)\.ts$/,
  /^runs\/(answer|record|request)\.ts$/,
  /^rounds\/(update|policy|ledger|accounting)\.ts$/,
  /^release\/manifests\//,
  /^release\/(desired|diff|names|ownership|readiness|records|request|validate)\.ts$/,
];
const IMPURE = [
  [/\bprocess\.(?!env\b.*\*)/, 'process'],
  [/\bDate\.now\(/, 'the clock'],
  [/\bnew Date\(\)/, 'the clock'],
  [/\bMath\.random\(/, 'random numbers'],
  [/\bfetch\(/, 'the network'],
  [/\bset(Timeout|Interval)\(/, 'timers'],
] as const;

describe('a pure file', () => {
  const pure = files.filter((file) => PURE.some((pattern) => pattern.test(file)));
  test.each(pure)('%s uses no clock, random numbers, process or network', (file) => {
    const code = contentOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(IMPURE.filter(([pattern]) => pattern.test(code)).map(([, name]) => name)).toEqual([]);
    const builtIns = importsOf(file).filter(({ to }) => to.startsWith('node:') && to !== 'node:crypto');
    expect(builtIns.map(arrow)).toEqual([]);
  });
});

describe('the local stack', () => {
  const root = fileURLToPath(new URL('../', import.meta.url));
  const localStack = 'infra/local/';
  const filesUnder = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
      .map((file) => join(folder, file));
  const importsUnder = (folder: string): Import[] =>
    filesUnder(folder).flatMap((from) =>
      [...readFileSync(join(root, from), 'utf8').matchAll(IMPORT)].map(([, type, to = '']) => ({
        from,
        to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to,
        isType: type !== undefined,
      })),
    );
  const packageOf = (to: string): string => /^(@[^/]+\/)?[^/]+/.exec(to)?.[0] ?? to;
  const packagesUnder = (...folders: readonly string[]): ReadonlySet<string> =>
    new Set(
      folders
        .flatMap(importsUnder)
        .map(({ to }) => to)
        .filter((to) => !to.startsWith('node:') && !/^(src|test|infra|vitest\.config)\b/.test(to))
        .map(packageOf),
    );
  const manifestOf = (folder: string) =>
    JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Readonly<
      Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
    >;

  test('imports nothing of src/: it starts the functions and the aggregator as processes', () => {
    // The demo reads the aggregator's output with the aggregator's own reader, to compare it with TensorFlow's.
    const allowed = 'infra/local/demo/compare.ts -> src/aggregator/checkpoint.ts';
    const found = importsUnder(localStack).filter(({ to }) => to.startsWith('src/'));
    expect(found.map(arrow).filter((one) => one !== allowed)).toEqual([]);
  });

  test('brings its own dependencies: each root dependency is imported by src/', () => {
    const used = packagesUnder('src');
    expect(Object.keys(manifestOf('.').dependencies).filter((name) => !used.has(name))).toEqual([]);
  });

  test('is not the only user of a development dependency of the root', () => {
    const elsewhere = packagesUnder('src', 'test', 'infra/scripts');
    const here = packagesUnder(localStack);
    const only = Object.keys(manifestOf('.').devDependencies).filter((name) => here.has(name) && !elsewhere.has(name));
    expect(only).toEqual([]);
  });

  test('declares each package that it imports, in the version of the root', () => {
    const [ours, roots] = [manifestOf(localStack), manifestOf('.')];
    const declared = { ...ours.dependencies, ...ours.devDependencies };
    expect([...packagesUnder(localStack)].filter((name) => declared[name] === undefined)).toEqual([]);
    const differing = Object.entries({ ...roots.dependencies, ...roots.devDependencies }).filter(
      ([name, version]) => declared[name] !== undefined && declared[name] !== version,
    );
    expect(differing).toEqual([]);
  });

  test('the root declares each package that src/, test/ and infra/scripts import', () => {
    const { dependencies, devDependencies } = manifestOf('.');
    const undeclared = [...packagesUnder('src', 'test', 'infra/scripts')].filter(
      (name) => dependencies[name] === undefined && devDependencies[name] === undefined,
    );
    expect(undeclared).toEqual([]);
  });
});

const LINES_MAX = 350;

test(`no file has more than ${LINES_MAX} lines`, () => {
  const lengths = files.map((file) => ({ file, lines: contentOf(file).split('\n').length - 1 }));
  expect(lengths.filter(({ lines }) => lines > LINES_MAX)).toEqual([]);
});

const LAYERS_MAX = 6;
/** Folders that exceed the limit, with their layers. A number may only fall. The aggregator becomes a program of its own. */
const DEEP_FOLDERS: Readonly<Record<string, number>> = { aggregator: 9, release: 9 };

/** The longest chain of imports, types included, that starts at `file` and stays in its folder. */
const longestChain = (file: string, known: Map<string, readonly string[]>): readonly string[] => {
  const found = known.get(file);
  if (found !== undefined) return found;
  // Ends cycles, which only imports of types can have.
  known.set(file, [file]);
  const targets = inside.filter(({ from, to }) => from === file && roomOf(to) === roomOf(from)).map(({ to }) => to);
  const chains = targets.map((target) => longestChain(target, known)).toSorted((a, b) => b.length - a.length);
  const [longest = []] = chains;
  const chain = [file, ...(longest.includes(file) ? longest.slice(0, longest.indexOf(file)) : longest)];
  known.set(file, chain);
  return chain;
};

test(`no folder has more than ${LAYERS_MAX} layers, two known ones apart`, () => {
  const known = new Map<string, readonly string[]>();
  const rooms = [...new Set(files.filter((file) => file.includes('/')).map(roomOf))];
  const longest = rooms.map(
    (room) =>
      files
        .filter((file) => roomOf(file) === room)
        .map((file) => longestChain(file, known))
        .toSorted((a, b) => b.length - a.length)[0] ?? [],
  );
  const tooLong = longest.filter((chain) => chain.length > (DEEP_FOLDERS[roomOf(chain[0] ?? '')] ?? LAYERS_MAX));
  expect(tooLong.map((chain) => chain.join(' > '))).toEqual([]);
});

const FLOW_FILES_MAX = 14;

const FLOWS = ['From an upload to a Job', 'From values to a Job', 'From values to a release'];

/** The files of a flow: the first column of the table in that section of docs/architecture.md, in reading order. */
const filesOfFlow = (title: string): readonly string[] => {
  const text = readFileSync(join(src, '../docs/architecture.md'), 'utf8');
  const [, section = ''] = new RegExp(`^### ${title}\n(.*?)(?=^##|$(?![\\s\\S]))`, 'ms').exec(text) ?? [];
  return [...section.matchAll(/^\| *`([\w./-]+\.ts)` *\|/gm)].map(([, file = '']) => file);
};

describe.each(FLOWS)('the flow "%s" of docs/architecture.md', (title) => {
  const flow = filesOfFlow(title);

  test(`visits 2 to ${FLOW_FILES_MAX} files, each of which exists`, () => {
    expect(flow.length).toBeGreaterThanOrEqual(2);
    expect(flow.length).toBeLessThanOrEqual(FLOW_FILES_MAX);
    expect(flow.filter((file) => !files.includes(file))).toEqual([]);
  });

  test('names every file after a file that imports it', () => {
    const unconnected = flow.filter(
      (file, index) => index > 0 && !inside.some(({ from, to }) => to === file && flow.slice(0, index).includes(from)),
    );
    expect(unconnected).toEqual([]);
  });
});
