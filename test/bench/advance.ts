import { startInstantKubelet, untilJobsEnd } from './instant-kubelet.ts';
import { measurePost, POST_COLUMNS } from './look.ts';
import type { Table } from './report.ts';
import { buildRoundValues, NEVER, uploadUpdates } from './rounds-world.ts';
import type { Bench, Section } from './section.ts';
import { sizeOf } from './section.ts';
import { startWorld } from './world.ts';

const REPEATS = 5;

interface Task {
  readonly path: string;
  readonly name: string;
}

type Measure = (task: Task, query: string, repeats: number) => Promise<Table['rows'][number]>;

const measureAll = async (
  bench: Bench,
  tasks: readonly Task[],
  measure: Measure,
  [what, query, repeats]: readonly [string, string, number],
): Promise<void> => {
  const rows: Table['rows'][number][] = [];
  for (const task of tasks) rows.push(await measure(task, query, repeats));
  bench.add({ columns: [what, ...POST_COLUMNS], rows });
};

export const advance: Section = {
  name: 'advance',
  title: 'A look at a task',
  about: `POST /tasks/<taskId> over tasks of 10^3, 10^4 and 10^5 updates, in the order of a task's life; the middle one of ${REPEATS} calls where nothing changes, else one call. The Job of a round writes one small object and ends. Function, embedded bucket and Kubernetes API each in a process of its own.`,
  run: async (bench) => {
    const { sizes, withinMs } = sizeOf(bench, {
      quick: { sizes: [1_000, 5_000], withinMs: 4_000 },
      normal: { sizes: [1_000, 10_000, 100_000], withinMs: 50_000 },
      full: { sizes: [1_000, 10_000, 100_000], withinMs: 600_000 },
    });
    const world = await startWorld(bench.scope, { values: buildRoundValues(NEVER) });
    const fn = await world.startFunction('aggregate');
    await uploadUpdates(world, 'warm', 20);
    await measurePost(world, fn, '/tasks/warm', 20);
    const tasks: Task[] = [];
    for (const size of sizes) {
      const { length } = await uploadUpdates(world, `task-${size}`, size, withinMs);
      tasks.push({ path: `/tasks/task-${size}`, name: `${length.toLocaleString('en-US')} updates` });
    }
    const measure: Measure = async ({ path, name }, query, repeats) => [
      name,
      ...(await measurePost(world, fn, `${path}${query}`, repeats)).cells,
    ];
    await measureAll(bench, tasks, measure, ['waits for its goal', '', REPEATS]);
    await measureAll(bench, tasks, measure, ['starts a round of all of them', '?force=true', 1]);
    await measureAll(bench, tasks, measure, ['its round runs', '', REPEATS]);
    await startInstantKubelet(bench.scope, world);
    await untilJobsEnd(world, tasks.length);
    await measureAll(bench, tasks, measure, ['settles and publishes its round', '', 1]);
    await measureAll(bench, tasks, measure, ['waits, all of them settled', '', REPEATS]);
  },
};
