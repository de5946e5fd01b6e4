import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ColdStart } from './cold-start.ts';
import { measureColdStart } from './cold-start.ts';
import { IMPORTS, measureImport } from './imports.ts';
import type { Row, Table } from './report.ts';
import { megabytes, ms } from './report.ts';
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

const newestOf = (folder: string): number =>
  Math.max(
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.startsWith('local'))
      .map((file) => statSync(join(folder, file)).mtimeMs),
  );

const describeBundle = (): Table | string => {
  if (!existsSync(BUNDLE)) return 'There is no bundle: "npm run build" makes it. The source alone is measured.';
  const bytes = readFileSync(BUNDLE);
  const packed = gzipSync(bytes).length;
  const isOld = statSync(BUNDLE).mtimeMs < newestOf(join(root, 'src'));
  return {
    columns: ['size', 'as it is', 'gzip', 'up to date'],
    rows: [['dist/index.js', megabytes(bytes.length), megabytes(packed), isOld ? 'no: npm run build' : 'yes']],
  };
};

const SOURCE_NAME = 'source (src/index.ts)';

interface Candidate {
  readonly name: string;
  readonly source: string;
}

const rowOf = (name: string, runs: readonly ColdStart[]): Row => {
  const middle = (pick: (run: ColdStart) => number): number => median(runs.map(pick));
  const rss = runs.flatMap(({ probe }) => probe?.rssBytes ?? []);
  const cpu = runs.flatMap(({ probe }) => probe?.cpuMs ?? []);
  return [
    name,
    ms(middle(({ answerMs }) => answerMs)),
    ms(Math.min(...runs.map(({ answerMs }) => answerMs))),
    ms(middle(({ triggerMs }) => triggerMs)),
    cpu.length === 0 ? null : ms(median(cpu)),
    rss.length === 0 ? null : megabytes(median(rss)),
  ];
};

/** Each in turn: whatever else the machine does meets all alike. */
const measureStarts = async (bench: Bench, times: number): Promise<Table> => {
  const world = await startWorld(bench.scope);
  await world.upload(BUCKETS.uploads, LIST, `gs://${BUCKETS.uploads}/update-1\n`);
  const candidates: Candidate[] = [
    ...(existsSync(BUNDLE) ? [{ name: 'bundle (dist/index.js)', source: BUNDLE }] : []),
    { name: SOURCE_NAME, source: SOURCE },
  ];
  const runs = new Map<string, ColdStart[]>(candidates.map(({ name }) => [name, []]));
  await takeTurns(times, STARTS_MS, async (turn) => {
    for (const [at, { name, source }] of candidates.entries()) {
      const body = buildTrigger(`cold-${turn}-${at}`);
      runs.get(name)?.push(await measureColdStart(bench.scope, source, world.env, world.client, body));
    }
  });
  return {
    columns: [
      `cold start, ${runs.get(SOURCE_NAME)?.length ?? 0} of each in turn`,
      'first answer',
      'least',
      'then a first trigger',
      'CPU of all',
      'RSS',
    ],
    rows: [...runs].map(([name, found]) => rowOf(name, found)),
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
