import { randomUUID } from 'node:crypto';
import { runInFlight } from './client.ts';
import { measurePost, POST_COLUMNS } from './look.ts';
import type { MeasuredFunction } from './measured-function.ts';
import type { Row } from './report.ts';
import { count } from './report.ts';
import { buildRoundValues } from './round-values.ts';
import type { Section } from './section.ts';
import { openTable, sizeOf } from './section.ts';
import type { World } from './world.ts';
import { BUCKETS, startWorld } from './world.ts';

// Below the goal, then at it.
const GOAL = 2;
const WARM_UP = 20;

const uploadToAll = (world: World, tasks: number, first = 0): Promise<unknown> =>
  runInFlight({ inFlight: 32, times: tasks }, (index) =>
    world.upload(BUCKETS.uploads, `tasksJobs/task-${first + index}/${randomUUID()}.zip`, 'update'),
  );

const looked = (text: string): { readonly tasks: number; readonly started: number } => JSON.parse(text);

const measureSweep = async (name: string, world: World, fn: MeasuredFunction): Promise<Row> => {
  const { cells, text } = await measurePost(world, fn, '/sweep');
  const { tasks, started } = looked(text);
  return [name, count(tasks), count(started), ...cells];
};

export const sweep: Section = {
  name: 'sweep',
  title: 'A sweep',
  about:
    'POST /sweep over tasks of one or two updates with a goal of two, one call each; it looks at 16 tasks side by side and ends by itself after 55 s. No kubelet: the Jobs stay pending. Function, embedded bucket and Kubernetes API each in a process of its own.',
  run: async (bench) => {
    const tasks = sizeOf(bench, { quick: 40, normal: 1_000 });
    const world = await startWorld(bench.scope, { values: buildRoundValues(GOAL) });
    const [fn] = await Promise.all([world.startFunction('aggregate'), uploadToAll(world, WARM_UP)]);
    await measureSweep('warm-up', world, fn);
    await uploadToAll(world, tasks - WARM_UP, WARM_UP);
    const add = openTable(bench, [`${tasks} tasks`, 'looked at', 'started', ...POST_COLUMNS]);
    add(await measureSweep('all wait for their goal', world, fn));
    await uploadToAll(world, tasks);
    add(await measureSweep('all start a round', world, fn));
    add(await measureSweep('all have a round that runs', world, fn));
  },
};
