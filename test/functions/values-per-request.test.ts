import { expect, test } from 'vitest';
import type { AdvanceResult } from '../../src/rounds/task-context.ts';
import { startAggregate } from './world.ts';

const documentOf = (tag: string, reportGoal: number) => ({
  aggregator: { repository: 'docai/flea-aggregator', tag, aggregationType: 'cma' },
  rounds: [
    {
      uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip',
      outputPath: 'gs://models/{taskId}/round-{round}/attempt-{attempt}',
      reportGoal,
    },
  ],
});

/** `aggregate` whose configured values change with every request; each request waits until all have read theirs. */
const start = (...documents: readonly ReturnType<typeof documentOf>[]) => {
  const { promise: everyoneHasRead, resolve } = Promise.withResolvers<void>();
  const rest = [...documents];
  return startAggregate({
    configuredValues: async () => {
      const document = rest.shift() ?? {};
      if (rest.length === 0) resolve();
      await everyoneHasRead;
      return document;
    },
  });
};

const post = async (url: string, taskId: string): Promise<AdvanceResult> => {
  const response = await fetch(`${url}/tasks/${taskId}`, { method: 'POST' });
  return JSON.parse(await response.text());
};

test('calls that are served at the same time each build their Job from their own values', async () => {
  const { url, store, cluster } = await start(documentOf('one', 1), documentOf('two', 1));
  for (const taskId of ['first', 'second']) store.put({ bucket: 'uploads', name: `tasksJobs/${taskId}/a.zip` }, 'zip');
  await Promise.all(['first', 'second'].map((taskId) => post(url, taskId)));
  const images = cluster.jobs().map((job) => job.spec?.template.spec?.containers[0]?.image);
  expect(new Set(images)).toEqual(new Set(['docai/flea-aggregator:one', 'docai/flea-aggregator:two']));
});

test('calls for one task with different values are not coalesced', async () => {
  const { url, store } = await start(...[5, 5, 5, 7, 7].map((reportGoal) => documentOf('one', reportGoal)));
  store.put({ bucket: 'uploads', name: 'tasksJobs/t/a.zip' }, 'zip');
  const answers = await Promise.all(Array.from({ length: 5 }, () => post(url, 't')));
  const goals = answers.map(({ decision }) => /^1 of (\d) updates/.exec(decision.reason)?.[1]);
  expect(goals.filter((goal) => goal === '5')).toHaveLength(3);
  expect(goals.filter((goal) => goal === '7')).toHaveLength(2);
});
