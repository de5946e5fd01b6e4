import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The arrows of the house: who may import whom. A folder may always import itself. */
const src = fileURLToPath(new URL('../src/', import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

const contentOf = (file: string): string => readFileSync(join(src, file), 'utf8');

const IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;

const importsOf = (from: string): Import[] =>
  [...contentOf(from).matchAll(IMPORT)].map(([, type, to = '']) => ({
    from,
    to: to.startsWith('.') ? normalize(join(dirname(from), to)) : to,
    isType: type !== undefined,
  }));

const imports = files.flatMap(importsOf);
const inside = imports.filter(({ to }) => files.includes(to));

const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file);

/** Ports and what belongs to them: the only parts of these folders that others see. */
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
};

/** One arrow against the rule, with the reason: the type of configuration belongs to the adapter that it configures. */
const isConfigType = ({ from, to, isType }: Import): boolean =>
  from === 'config.ts' && to === 'cluster/access.ts' && isType;

const isAllowed = (arrow: Import): boolean => {
  const [from, to] = [roomOf(arrow.from), roomOf(arrow.to)];
  if (from === to || isConfigType(arrow)) return true;
  if (from !== 'aggregator' && (COMMON.has(arrow.to) || (PORTS.has(arrow.to) && arrow.from !== 'errors.ts')))
    return true;
  return (ARROWS[from] ?? []).includes(to);
};

const arrow = ({ from, to }: Import): string => `${from} -> ${to}`;

test('every room is drawn in the plan', () => {
  expect([...new Set(files.map(roomOf))].filter((room) => !(room in ARROWS))).toEqual([]);
});

test('imports follow the arrows of the plan', () => {
  expect(inside.filter((one) => !isAllowed(one)).map(arrow)).toEqual([]);
});

test('every relative import names a file that is there', () => {
  expect(imports.filter(({ to }) => to.endsWith('.ts') && !files.includes(to)).map(arrow)).toEqual([]);
});

test('only wire.ts knows the adapters, and no function imports the local stack or the aggregator', () => {
  const isAdapter = (file: string): boolean => /^(cluster|storage)\//.test(file) && !PORTS.has(file);
  const outside = inside.filter((one) => roomOf(one.from) !== roomOf(one.to) && !isConfigType(one));
  expect(outside.filter(({ from, to }) => isAdapter(to) && from !== 'wire.ts').map(arrow)).toEqual([]);
  expect(
    imports
      .filter(({ to }) => to.startsWith('../') || roomOf(to) === 'aggregator')
      .filter(({ from }) => roomOf(from) !== 'aggregator')
      .map(arrow),
  ).toEqual([]);
});

test('foreign clients are known to their adapters only, their types apart', () => {
  const homes: Readonly<Record<string, string>> = {
    '@google-cloud/storage': 'storage',
    'google-auth-library': 'cluster',
    '@kubernetes/client-node': 'cluster',
    undici: 'cluster',
  };
  const strays = imports.filter(
    ({ from, to, isType }) => !isType && to in homes && roomOf(from) !== homes[to] && roomOf(from) !== 'aggregator',
  );
  expect(strays.map(arrow)).toEqual([]);
});

/** Same input, same output: the rules of the product, which tests hold to their words. */
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
  [/\bMath\.random\(/, 'random'],
  [/\bfetch\(/, 'the network'],
  [/\bset(Timeout|Interval)\(/, 'timers'],
] as const;

describe('a pure file', () => {
  const pure = files.filter((file) => PURE.some((pattern) => pattern.test(file)));
  test.each(pure)('%s uses no clock, random, process or network', (file) => {
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
