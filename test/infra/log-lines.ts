import { launch } from '../../src/runs/launch.ts';
import { listRuns } from '../../src/runs/store.ts';
import { AppError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { advance } from '../../src/rounds/advance.ts';
import { sweep } from '../../src/rounds/sweep.ts';
import type { RoundsContext } from '../../src/rounds/task-context.ts';
import { sweepSchedules } from '../../src/runs/schedules.ts';
import type { SweepRunsDeps } from '../../src/runs/sweep.ts';
import { sweepRuns } from '../../src/runs/sweep.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import type { ScheduleValues } from '../../src/values/schema.ts';
import type { LaunchWorld } from '../helpers/launch-world.ts';
import { buildRequest, createLaunchWorld, NAMESPACE } from '../helpers/launch-world.ts';
import { createRoundsDeps } from '../helpers/rounds-deps.ts';

export type Line = Readonly<Record<string, unknown>>;

const TASK = 'mnist';
const DOCUMENT = {
  aggregator: {
    repository: 'docai/flea-aggregator',
    tag: '1.0',
    aggregationType: 'cma',
    serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
  },
  rounds: [
    {
      uploads: 'gs://models/tasksJobs/{taskId}/{jobId}.zip',
      outputPath: 'gs://models/out/{taskId}/round-{round}/attempt-{attempt}',
      reportGoal: 2,
      roundTimeoutSec: 60,
      maxAttempts: 1,
    },
  ],
};

interface RoundsWorld {
  readonly world: LaunchWorld;
  readonly rounds: RoundsContext;
  readonly lines: readonly Line[];
  readonly upload: (jobId: string) => void;
}

const createWorld = (): RoundsWorld => {
  const world = createLaunchWorld();
  const lines: Line[] = [];
  const log = createLog((line) => void lines.push(JSON.parse(line)));
  const defaults = { namespace: NAMESPACE, releaseName: 'flea-aggregator' };
  const rounds = { ...createRoundsDeps(world.deps, log, defaults), values: parseValues(DOCUMENT) };
  const upload = (jobId: string): void => {
    world.store.put({ bucket: 'models', name: `tasksJobs/${TASK}/${jobId}.zip` }, 'update');
  };
  return { world, rounds, lines, upload };
};

/** A round that starts and is settled. */
export const settledRound = async (): Promise<readonly Line[]> => {
  const { world, rounds, lines, upload } = createWorld();
  upload('a');
  await advance(rounds, TASK);
  upload('b');
  await advance(rounds, TASK);
  const { name = '' } = world.cluster.jobs()[0]?.metadata ?? {};
  world.cluster.completeJob(NAMESPACE, name);
  world.store.put({ bucket: 'models', name: `out/${TASK}/round-1/attempt-1/average` }, 'average');
  await sweep(rounds);
  return lines;
};

/** A round whose only attempt fails. */
export const failedRound = async (): Promise<readonly Line[]> => {
  const { world, rounds, lines, upload } = createWorld();
  upload('a');
  upload('b');
  await advance(rounds, TASK);
  world.cluster.failJob(NAMESPACE, world.cluster.jobs()[0]?.metadata?.name ?? '');
  await sweep(rounds);
  return lines;
};

/** A task whose timeout expired with too few updates. */
export const overdueTask = async (): Promise<readonly Line[]> => {
  const { world, rounds, lines, upload } = createWorld();
  upload('a');
  world.advanceMs(61_000);
  await sweep(rounds);
  return lines;
};

/** A task whose Job needs a missing Secret. */
export const heldUpTask = async (): Promise<readonly Line[]> => {
  const { world, rounds, lines, upload } = createWorld();
  world.cluster.removeSecret(NAMESPACE, 'sacred');
  upload('a');
  upload('b');
  await advance(rounds, TASK).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  await sweep(rounds);
  return lines;
};

/** A schedule that was never called. */
export const missedTick = async (): Promise<readonly Line[]> => {
  const world = createLaunchWorld();
  const lines: Line[] = [];
  const log = createLog((line) => void lines.push(JSON.parse(line)));
  const schedule: ScheduleValues = { name: 'hourly', cron: '0 * * * *' };
  await sweepSchedules({ ...world.deps, log }, [schedule], []);
  world.advanceMs(90 * 60_000);
  await sweepSchedules({ ...world.deps, log }, [schedule], []);
  return lines;
};

interface RunWorld {
  readonly world: LaunchWorld;
  readonly deps: SweepRunsDeps;
  readonly lines: readonly Line[];
  readonly sweep: () => Promise<void>;
}

const createRunWorld = (): RunWorld => {
  const world = createLaunchWorld();
  const lines: Line[] = [];
  const deps = { ...world.deps, log: createLog((line) => void lines.push(JSON.parse(line))) };
  const sweepAll = async (): Promise<void> => {
    await sweepRuns(deps, await Array.fromAsync(listRuns(deps)), AbortSignal.timeout(10_000));
  };
  return { world, deps, lines, sweep: sweepAll };
};

/** A run whose Job fails, after two sweeps. */
export const failedRun = async (): Promise<readonly Line[]> => {
  const { world, deps, lines, sweep: sweepAll } = createRunWorld();
  await launch(deps, buildRequest({ aggregationId: 'nightly' }), { dryRun: false });
  world.cluster.failJob(NAMESPACE, world.cluster.jobs()[0]?.metadata?.name ?? '');
  await sweepAll();
  await sweepAll();
  return lines;
};

/** A scheduled run whose Secret is missing. */
export const heldUpRun = async (): Promise<readonly Line[]> => {
  const { world, deps, lines, sweep: sweepAll } = createRunWorld();
  world.cluster.removeSecret(NAMESPACE, 'sacred');
  const request = buildRequest({ aggregationId: 'nightly' }, { trigger: 'schedule' });
  await launch(deps, request, { dryRun: false }).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  world.advanceMs(61_000);
  await sweepAll();
  return lines;
};

/** A run that succeeds. */
export const goodRun = async (): Promise<readonly Line[]> => {
  const { world, deps, lines, sweep: sweepAll } = createRunWorld();
  await launch(deps, buildRequest({ aggregationId: 'nightly' }), { dryRun: false });
  world.cluster.completeJob(NAMESPACE, world.cluster.jobs()[0]?.metadata?.name ?? '');
  await sweepAll();
  deps.log('INFO', 'the sweep is over');
  return lines;
};
