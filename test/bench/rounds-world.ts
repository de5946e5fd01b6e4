import { randomUUID } from 'node:crypto';
import { runInFlight } from './client.ts';
import { AGGREGATOR, BUCKETS } from './world.ts';
import type { World } from './world.ts';

/** A goal that no upload of a bench reaches: every look at the task lists and waits. */
export const NEVER = 1_000_000;

/** Values with one policy: rounds begin at `reportGoal` updates, or when forced, then with all that there are. */
export const buildRoundValues = (reportGoal: number, maxReports = NEVER): object => ({
  aggregator: AGGREGATOR,
  rounds: [
    {
      uploads: `gs://${BUCKETS.uploads}/tasksJobs/{taskId}/{jobId}.zip`,
      outputPath: `gs://${BUCKETS.models}/{taskId}/round-{round}/attempt-{attempt}`,
      reportGoal,
      minReports: reportGoal,
      maxReports,
    },
  ],
});

const UPLOADS_IN_FLIGHT = 48;

/**
 * Uploads `times` updates of a task, named as devices name them, or as many as `withinMs` allows. Returns their
 * resources.
 */
export const uploadUpdates = async (
  world: World,
  taskId: string,
  times: number,
  withinMs = Number.POSITIVE_INFINITY,
): Promise<readonly string[]> => {
  const resources: string[] = [];
  await runInFlight({ inFlight: UPLOADS_IN_FLIGHT, times, withinMs }, async () => {
    resources.push(await world.upload(BUCKETS.uploads, `tasksJobs/${taskId}/${randomUUID()}.zip`, 'update'));
  });
  return resources;
};
