import { expect, onTestFinished, test } from 'vitest';
import { createOnCheckpoint } from '../../src/functions/on-checkpoint.ts';
import { createLog } from '../../src/log.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { createLaunchWorld, NAMESPACE } from '../helpers/launch-world.ts';
import { createRoundsDeps } from '../helpers/rounds-deps.ts';
import { serveFunction } from '../helpers/serve-function.ts';

test('the event of a list whose name contains white space is acknowledged, with an entry that raises an alert', async () => {
  const world = createLaunchWorld();
  const lines: Record<string, unknown>[] = [];
  const log = createLog((line) => void lines.push(JSON.parse(line)));
  const defaults = { namespace: NAMESPACE, releaseName: 'flea-aggregator' };
  const values = parseValues({
    aggregator: { repository: 'docai/flea-aggregator', tag: '1', aggregationType: 'cma' },
    lists: [{ object: 'gs://models/lists/{taskId}.txt', outputPath: 'gs://models/out/{taskId}' }],
  });
  const deps = { launch: world.deps, rounds: createRoundsDeps(world.deps, log, defaults), log, defaults };
  const handler = createOnCheckpoint({ ...deps, values: async () => values, budgetMs: () => 8_000 });
  const served = await serveFunction(handler, { log, projectId: 'p' });
  onTestFinished(() => served.close());
  const object = { bucket: 'models', name: 'lists/my list.txt' };
  world.store.put(object, 'gs://models/u/1\n');
  const generation = world.store.peek(object)?.info.generation;
  const { status } = await fetch(served.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-id': '1',
      'ce-source': '//storage.googleapis.com/projects/_/buckets/models',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.storage.object.v1.finalized',
    },
    body: JSON.stringify({ ...object, generation, size: '15' }),
  });
  expect(status).toBe(204);
  expect(lines).toContainEqual(
    expect.objectContaining({
      severity: 'ERROR',
      runTrouble: 'failed',
      name: 'lists/my list.txt',
      message: expect.stringMatching(/white space.*acknowledged/),
    }),
  );
});
