import { AGGREGATOR, BUCKETS } from './world.ts';

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
