import { AppError } from '../../src/errors.ts';
import { createOnCheckpoint } from '../../src/functions/on-checkpoint.ts';
import { cancel } from '../../src/rounds/cancel.ts';
import { createFunctionDeps, depsOf, type FunctionDeps, LIST, upload } from './function-deps.ts';
import { binaryEvent } from '../e2e/helpers/events.ts';
import { serveFunction } from '../helpers/serve-function.ts';
import { assert, newId, type Work } from './work.ts';

/** Sends the event of an object to `onCheckpoint`; throws the error that it logs. */
const deliver = async (
  deps: FunctionDeps,
  object: { readonly bucket: string; readonly name: string; readonly generation: string },
) => {
  const { launch: launchDeps, rounds, log, defaults, values } = deps;
  const before = deps.lines.length;
  const onCheckpoint = createOnCheckpoint({
    launch: launchDeps,
    rounds,
    log,
    defaults,
    values: async () => values,
    budgetMs: () => 8_000,
  });
  const { bucket, name, generation } = object;
  const served = await serveFunction(onCheckpoint, { log });
  const { headers, body } = binaryEvent({ bucket, name, generation, size: '6' });
  await fetch(served.url, { method: 'POST', headers, body }).finally(() => served.close());
  const { severity, message } = deps.lines.slice(before).at(-1) ?? {};
  if (severity !== 'INFO') throw new Error(String(message));
};

const listEventWork: Work = {
  name: 'an uploaded list starts a run',
  run: async (place) => {
    const deps = depsOf(place);
    const object = deps.store.put(LIST, 'gs://uploads/u/1\n');
    await deliver(deps, object);
    assert(String(deps.lines.at(-1)?.['message']).endsWith('created'), 'no run was created');
  },
};

const updateEventWork: Work = {
  name: 'an uploaded update starts a round and advances the open one',
  run: async (place) => {
    const deps = depsOf(place);
    const taskId = newId('task-');
    await deliver(deps, upload(deps, taskId));
    await deliver(deps, upload(deps, taskId));
    assert(String(deps.lines.at(-1)?.['message']).includes('Waits for round 1'), 'the open round was not advanced');
  },
};

const cancelledEventWork = (queueName: string | undefined, act: string): Work => ({
  name: `an update of a task whose cancelled round has its Job still: ${act}`,
  run: async (place) => {
    const deps = depsOf(place, queueName === undefined ? {} : { queueName });
    const stranger = createFunctionDeps({
      ...place,
      ...deps.defaults,
      kubeconfig: place.strangerKubeconfig,
      store: deps.store,
      ...(queueName !== undefined && { queueName }),
    });
    const taskId = newId('task-');
    await deliver(deps, upload(deps, taskId));
    await cancel(stranger.rounds, taskId, 1).catch((error: unknown) =>
      assert(error instanceof AppError, String(error)),
    );
    await deliver(deps, upload(deps, taskId));
    const done = deps.lines.flatMap((line) => line['done']);
    assert(done.includes(`${act} 1`), `the round was not ended by ${act}`);
  },
});

/** All calls of `onCheckpoint` to the cluster. */
export const ON_CHECKPOINT_WORK: readonly Work[] = [
  listEventWork,
  updateEventWork,
  cancelledEventWork(undefined, 'suspend-job'),
  cancelledEventWork('queue', 'delete-job'),
];
