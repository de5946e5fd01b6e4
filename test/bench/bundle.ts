import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ColdStart } from './cold-start.ts';
import { measureColdStart } from './cold-start.ts';
import { IMPORTS, measureImport } from './imports.ts';
import type { Quantity, Row, Table } from './report.ts';
import { megabytes, ms, ratio } from './report.ts';
import type { Bench, Section } from './section.ts';
import { sizeOf, takeTurns } from './section.ts';
import { median } from './stats.ts';
import { LIST, buildTrigger } from './trigger-body.ts';
import { BUCKETS, startWorld } from './world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BUNDLE = join(root, 'dist/index.js');
const STARTS_MS = 30_000;
const IMPORTS_MS = 12_000;
const SOURCE = join(root, 'src/index.ts');
const HELLO = fileURLToPath(new URL('hello-world.mjs', import.meta.url));

const newestOf = (folder: string): number =>
  Math.max(
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('local'))
      .map((file) => statSync(join(folder, file)).mtimeMs),
  );

const describeBundle = (): Table | string => {
  if (!existsSync(BUNDLE)) return 'There is no bundle: "npm run build" makes it. The source alone is measured.';
  const files = readdirSync(dirname(BUNDLE)).filter((file) => file.endsWith('.js') && file !== 'tio.js');
  const bytes = Buffer.concat(files.map((file) => readFileSync(join(dirname(BUNDLE), file))));
  const packed = gzipSync(bytes).length;
  const isOld = statSync(BUNDLE).mtimeMs < newestOf(join(root, 'src'));
  return {
    columns: ['size', 'as it is', 'gzip', 'up to date'],
    rows: [
      [
        `dist/, ${files.length} files of code`,
        megabytes(bytes.length),
        megabytes(packed),
        isOld ? 'no: npm run build' : 'yes',
      ],
    ],
  };
};

const SOURCE_NAME = 'source (src/index.ts)';
const HELLO_NAME = 'hello world on the same framework';
const BUNDLE_NAME = 'bundle (dist/index.js)';

interface Candidate {
  readonly name: string;
  readonly source: string;
}

/** The medians of a candidate; `null` where processes take no signal. */
interface Middle {
  readonly answerMs: number;
  readonly answerCpuMs: number | null;
  readonly answerRss: number | null;
  readonly triggeredMs: number;
  readonly allCpuMs: number | null;
  readonly allRss: number | null;
}

const middleOf = (runs: readonly ColdStart[]): Middle => {
  const middle = (pick: (run: ColdStart) => number | undefined): number | null => {
    const values = runs.flatMap((run) => pick(run) ?? []);
    return values.length === 0 ? null : median(values);
  };
  return {
    answerMs: median(runs.map(({ answerMs }) => answerMs)),
    answerCpuMs: middle(({ first }) => first?.cpuMs),
    answerRss: middle(({ first }) => first?.rssBytes),
    triggeredMs: median(runs.map(({ answerMs, triggerMs }) => answerMs + triggerMs)),
    allCpuMs: middle(({ last }) => last?.cpuMs),
    allRss: middle(({ last }) => last?.rssBytes),
  };
};

const known = (value: number | null, of: (value: number) => Quantity): Quantity | null =>
  value === null ? null : of(value);

const rowOf = (name: string, found: Middle): Row => [
  name,
  ms(found.answerMs),
  known(found.answerCpuMs, ms),
  known(found.answerRss, megabytes),
  ms(found.triggeredMs),
  known(found.allCpuMs, ms),
  known(found.allRss, megabytes),
];

/** Over the first answer of hello world, which a first trigger is measured by too. */
const compare = (name: string, found: Middle, hello: Middle): Row => {
  const over = (value: number | null, base: number | null): Quantity | null =>
    value === null || base === null ? null : ratio(value / base);
  return [
    `${name} / hello world's first answer`,
    over(found.answerMs, hello.answerMs),
    over(found.answerCpuMs, hello.answerCpuMs),
    over(found.answerRss, hello.answerRss),
    over(found.triggeredMs, hello.answerMs),
    over(found.allCpuMs, hello.answerCpuMs),
    over(found.allRss, hello.answerRss),
  ];
};

/** Each in turn: whatever else the machine does meets all alike. */
const measureStarts = async (bench: Bench, times: number): Promise<Table> => {
  const world = await startWorld(bench.scope);
  await world.upload(BUCKETS.uploads, LIST, `gs://${BUCKETS.uploads}/update-1\n`);
  const candidates: Candidate[] = [
    { name: HELLO_NAME, source: HELLO },
    ...(existsSync(BUNDLE) ? [{ name: BUNDLE_NAME, source: BUNDLE }] : []),
    { name: SOURCE_NAME, source: SOURCE },
  ];
  const runs = new Map<string, ColdStart[]>(candidates.map(({ name }) => [name, []]));
  await takeTurns(times, STARTS_MS, async (turn) => {
    for (const [at, { name, source }] of candidates.entries()) {
      const body = buildTrigger(`cold-${turn}-${at}`);
      runs.get(name)?.push(await measureColdStart(bench.scope, source, world.env, world.client, body));
    }
  });
  const found = new Map([...runs].map(([name, each]) => [name, middleOf(each)]));
  const hello = found.get(HELLO_NAME);
  return {
    columns: [
      `cold start, ${runs.get(SOURCE_NAME)?.length ?? 0} of each in turn`,
      'first answer',
      'CPU',
      'RSS',
      'first trigger answered',
      'CPU of all',
      'RSS',
    ],
    rows: [
      ...[...found].map(([name, middle]) => rowOf(name, middle)),
      ...[...found].flatMap(([name, middle]) => (hello && name !== HELLO_NAME ? [compare(name, middle, hello)] : [])),
      ["goals of the bundle / hello world's first answer", ratio(2), null, '95 MB', ratio(3), null, null],
    ],
  };
};

const measureImports = async ({ scope }: Bench, times: number): Promise<Table> => {
  const found = new Map<string, number[]>(IMPORTS.map((name) => [name, []]));
  await takeTurns(times, IMPORTS_MS, async () => {
    for (const name of IMPORTS) found.get(name)?.push(await measureImport(scope, name));
  });
  return {
    columns: [`import into a fresh process, ${found.get(IMPORTS[0])?.length ?? 0} of each`, 'p50', 'least'],
    rows: [...found].map(([name, values]) => [name, ms(median(values)), ms(Math.min(...values))]),
  };
};

export const bundle: Section = {
  name: 'bundle',
  title: 'Size and cold start',
  about:
    'The start of a function process under functions-framework: from spawning Node to the answer of a request that needs no other server, then to the answer of a first trigger over the embedded bucket and Kubernetes API.',
  run: async (bench) => {
    const { starts, imports } = sizeOf(bench, { quick: { starts: 1, imports: 1 }, normal: { starts: 5, imports: 3 } });
    bench.add(describeBundle());
    bench.add(await measureStarts(bench, starts));
    bench.add(await measureImports(bench, imports));
  },
};
