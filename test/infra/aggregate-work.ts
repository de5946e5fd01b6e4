import { z } from 'zod';
import { cancelRun } from '../../src/runs/cancel.ts';
import { launch } from '../../src/runs/launch.ts';
import { buildRunRequest } from '../../src/runs/request.ts';
import { listRuns } from '../../src/runs/store.ts';
import { AppError } from '../../src/errors.ts';
import { advance } from '../../src/rounds/advance.ts';
import { cancel } from '../../src/rounds/cancel.ts';
import { redrive } from '../../src/rounds/redrive.ts';
import { sweep } from '../../src/rounds/sweep.ts';
import { readTask } from '../../src/rounds/task-status.ts';
import type { StatusDeps } from '../../src/runs/status.ts';
import { describeRun, logsOf } from '../../src/runs/status.ts';
import { sweepRuns } from '../../src/runs/sweep.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { createFunctionDeps, depsOf, type FunctionDeps, LIST, upload } from './function-deps.ts';
import { assert, newId, until, type Work, type Workplace } from './work.ts';

const statusOf = (deps: FunctionDeps): StatusDeps => ({ ...deps.launch, log: () => undefined });

const requestOf = (deps: FunctionDeps, aggregator: Record<string, string> = {}) => {
  deps.store.put(LIST, 'gs://uploads/u/1\n');
  const id = newId('run-');
  const paths = { checkpointsFilePath: 'gs://uploads/lists/all.txt', outputPath: `gs://models/${id}` };
  const values = parseValues({
    aggregator: JSON.parse(JSON.stringify({ ...deps.values.aggregator, ...paths, aggregationId: id, ...aggregator })),
  });
  return buildRunRequest(values, { now: new Date(), defaults: deps.defaults });
};

const PodsSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** Reports the task's pods as succeeded, as a kubelet would. */
const endPods = async ({ admin, namespace }: Workplace, taskId: string): Promise<void> => {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const selector = encodeURIComponent(`tensorio-trigger/task=${taskId}`);
  const names = await until(`the pod of task ${taskId} is there`, async () => {
    const { items } = PodsSchema.parse((await admin.send('GET', `${pods}?labelSelector=${selector}`)).json);
    return items.length > 0 ? items.map(({ metadata }) => metadata.name) : undefined;
  });
  for (const name of names) await admin.send('PATCH', `${pods}/${name}/status`, { status: { phase: 'Succeeded' } });
};

const startRound = async (deps: FunctionDeps, taskId: string): Promise<void> => {
  upload(deps, taskId);
  const { openRound, done } = await advance(deps.rounds, taskId);
  assert(openRound !== undefined && done.some(({ act }) => act === 'create-job'), 'no Job was created for the round');
};

const runWork: Work = {
  name: 'a run: checked, created, described with its log, cancelled',
  run: async (place) => {
    const deps = depsOf(place);
    const request = requestOf(deps);
    const dryRun = await launch(deps.launch, request, { dryRun: true });
    assert(dryRun.manifest?.metadata?.uid !== undefined, 'the dry run did not reach the API server');
    const { outcome, record } = await launch(deps.launch, request, { dryRun: false });
    assert(outcome === 'created', `the run is ${outcome}`);
    const id = record.aggregationId;
    const status = await until('the run has a pod', async () => {
      const found = await describeRun(statusOf(deps), id);
      return found.pods.length > 0 ? found : undefined;
    });
    // Its pod has no node, so there is no log yet; the request must be allowed.
    await logsOf(statusOf(deps), status, 10);
    await cancelRun(deps.launch, id, 'Cancelled by a test.');
    assert((await describeRun(statusOf(deps), id)).state === 'cancelled', 'the run is not cancelled');
  },
};

const scheduledWork: Work = {
  name: 'runs of a schedule that must not overlap',
  run: async (place) => {
    const deps = depsOf(place);
    const schedule = newId('nightly-');
    const start = async (concurrencyPolicy: string) =>
      (await launch(deps.launch, requestOf(deps, { schedule, concurrencyPolicy }), { dryRun: false })).outcome;
    assert((await start('Forbid')) === 'created', 'the first run was not created');
    assert((await start('Forbid')) === 'skipped', 'the second run was not skipped');
    assert((await start('Replace')) === 'created', 'the third run did not replace the first');
  },
};

const roundWork: Work = {
  name: 'a round: sealed, its Job completed, settled, described',
  run: async (place) => {
    const deps = depsOf(place);
    const taskId = newId('task-');
    await startRound(deps, taskId);
    assert((await readTask(deps.rounds, taskId)).openRound?.round === 1, 'round 1 is not in the status');
    await endPods(place, taskId);
    deps.store.put({ bucket: 'models', name: `${taskId}/round-1/attempt-1/average` }, 'average');
    await until('the round is settled', async () => {
      const { settled, problems } = await sweep(deps.rounds);
      for (const { message } of problems) throw new Error(message);
      return settled === 1 || undefined;
    });
  },
};

const cancelledRoundWork: Work = {
  name: 'a round: cancelled, and redriven',
  run: async (place) => {
    const deps = depsOf(place);
    const taskId = newId('task-');
    await startRound(deps, taskId);
    const { done } = await cancel(deps.rounds, taskId, 1);
    assert(
      done.some(({ act }) => act === 'suspend-job'),
      'the Job was not suspended',
    );
    const { outcome } = await redrive(deps.rounds, taskId, 1);
    assert(outcome === 'created', `the round is ${outcome}`);
    await until('the Job of the redriven round exists', async () => {
      const { decision } = await advance(deps.rounds, taskId);
      return decision.reason.startsWith('Waits for round 2, attempt 1') || undefined;
    });
  },
};

const sweepWork: Work = {
  name: 'the sweep: a claim without a Job, a cancelled run whose Job remains',
  run: async (place) => {
    const deps = depsOf(place);
    const stranger = createFunctionDeps({
      ...place,
      ...deps.defaults,
      kubeconfig: place.strangerKubeconfig,
      store: deps.store,
    });
    const { record } = await launch(deps.launch, requestOf(deps), { dryRun: false });
    const isRefused = (error: unknown): void => assert(error instanceof AppError, String(error));
    await cancelRun(stranger.launch, record.aggregationId, 'Cancelled by a test.').catch(isRefused);
    const { settled, complete } = await sweepRuns(
      { ...deps.launch, log: deps.log },
      await Array.fromAsync(listRuns(deps.launch)),
      AbortSignal.timeout(20_000),
    );
    if (!complete) throw new Error(String(deps.lines.at(-1)?.['message']));
    assert(settled === 1, 'the remaining Job still exists');
  },
};

/** All calls of `aggregate` to the cluster. */
export const AGGREGATE_WORK: readonly Work[] = [runWork, scheduledWork, roundWork, cancelledRoundWork, sweepWork];
