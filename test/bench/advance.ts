import { startInstantKubelet, untilJobsEnd } from './instant-kubelet.ts';
import { measurePost, POST_COLUMNS } from './look.ts';
import type { Row } from './report.ts';
import { buildRoundValues, NEVER } from './round-values.ts';
import type { Bench, Section } from './section.ts';
import { openTable, sizeOf } from './section.ts';
import { seedUpdates } from './seed.ts';
import { startWorld } from './world.ts';

const REPEATS = 5;

interface Task {
  readonly id: string;
  readonly size: number;
}

type Measure = (task: Task, query: string, repeats: number) => Promise<Row>;

const measureAll = async (
  bench: Bench,
  tasks: readonly Task[],
  measure: Measure,
  [what, query, repeats]: readonly [string, string, number],
): Promise<void> => {
  const add = openTable(bench, [what, ...POST_COLUMNS]);
  for (const task of tasks) add(await measure(task, query, repeats));
};

export const advance: Section = {
  name: 'advance',
  title: 'A look at a task',
  about: `POST /tasks/<taskId> over tasks of 10^3, 10^4 and 10^5 updates, in the order of a task's life; the middle one of ${REPEATS} calls where nothing changes, else one call. The Job of a round writes one small object and ends. Function, embedded bucket and Kubernetes API each in a process of its own.`,
  run: async (bench) => {
    const sizes = sizeOf(bench, { quick: [1_000], normal: [1_000, 10_000, 100_000] });
    const tasks: Task[] = sizes.map((size) => ({ id: `task-${size}`, size }));
    const { dataDir } = await seedUpdates(
      bench.scope,
      new Map([['warm', 20], ...tasks.map(({ id, size }) => [id, size] as const)]),
    );
    const world = await startWorld(bench.scope, { dataDir, values: buildRoundValues(NEVER) });
    const fn = await world.startFunction('aggregate');
    await measurePost(world, fn, '/tasks/warm', 20);
    await measurePost(world, fn, '/tasks/warm?force=true');
    const measure: Measure = async ({ id, size }, query, repeats) => [
      `${size.toLocaleString('en-US')} updates`,
      ...(await measurePost(world, fn, `/tasks/${id}${query}`, repeats)).cells,
    ];
    await measureAll(bench, tasks, measure, ['waits for its goal', '', REPEATS]);
    await measureAll(bench, tasks, measure, ['starts a round of all of them', '?force=true', 1]);
    await measureAll(bench, tasks, measure, ['its round runs', '', REPEATS]);
    await startInstantKubelet(bench.scope, world);
    await untilJobsEnd(world, tasks.length + 1);
    await measureAll(bench, tasks, measure, ['settles and publishes its round', '', 1]);
    await measureAll(bench, tasks, measure, ['waits, all of them settled', '', REPEATS]);
  },
};
