import { z } from 'zod';
import { gsPathField, gsPatternField } from './aggregator-schema.ts';
import { listLineProblem } from './aggregator-text.ts';
import { wholeNumber } from './fields.ts';
import { seconds } from './pod-fields.ts';

const DAY_SEC = 86_400;
const HOUR_SEC = 3_600;
const WEEK_SEC = 7 * DAY_SEC;
const MAX_REPORTS = 1_000_000;

const count = wholeNumber(1, MAX_REPORTS);

/** One entry of `rounds[]` as it is written. What a field means is told in `rounds/policy.ts`. */
export const RoundSchema = z.strictObject({
  uploads: gsPatternField('the pattern of updates, as in gs://BUCKET/tasksJobs/{taskId}/{jobId}.zip').refine(
    (text) => listLineProblem(text) === null,
    { error: (issue) => listLineProblem(String(issue.input)) ?? '' },
  ),
  outputPath: gsPathField('the directory of one attempt, as in gs://BUCKET/{taskId}/round-{round}/attempt-{attempt}'),
  reportGoal: count,
  minReports: count.optional(),
  maxReports: count.optional(),
  roundTimeoutSec: seconds(1).optional(),
  quietPeriodSec: seconds(0).optional(),
  maxAttempts: wholeNumber(1, 20).optional(),
  retryBackoffSec: wholeNumber(0, 600).optional(),
  lateUpdates: z.enum(['carry', 'drop']).optional(),
  // Ids are remembered by name for this long; the clocks of the bucket and of the function may differ.
  settledWindowSec: seconds(HOUR_SEC).optional(),
});

/** One entry of `lists[]`: uploaded objects that are checkpoint lists. */
export const ListSchema = z.strictObject({
  object: gsPathField('the pattern of checkpoint lists, as in gs://BUCKET/{taskId}/aggregation-checkpoints.txt'),
  outputPath: gsPathField('the directory for the average, as in gs://BUCKET/{taskId}/final-aggregate'),
});

/** The same where some fields are at fault: what is left can still contradict itself. */
export const PartialRoundSchema = RoundSchema.partial();
export const PartialListSchema = ListSchema.partial();

export type PartialRound = z.infer<typeof PartialRoundSchema>;
export type PartialList = z.infer<typeof PartialListSchema>;
export type RoundInput = z.infer<typeof RoundSchema>;
export type ListValues = z.infer<typeof ListSchema>;

export type RoundValues = ReturnType<typeof completeRound>;

/** A Job of a round must outlive every instance that may still create it. */
export const MIN_ROUND_TTL_SEC = DAY_SEC;

/** A round's values with every default filled in. */
export function completeRound(input: RoundInput) {
  return {
    uploads: input.uploads,
    outputPath: input.outputPath,
    reportGoal: input.reportGoal,
    minReports: input.minReports ?? input.reportGoal,
    maxReports: input.maxReports ?? defaultMaxReports(input.reportGoal),
    roundTimeoutSec: input.roundTimeoutSec ?? HOUR_SEC,
    quietPeriodSec: input.quietPeriodSec ?? 0,
    maxAttempts: input.maxAttempts ?? 3,
    retryBackoffSec: input.retryBackoffSec ?? 30,
    lateUpdates: input.lateUpdates ?? ('carry' as const),
    settledWindowSec: input.settledWindowSec ?? WEEK_SEC,
  };
}

/** `maxReports` unless given: 30 % more than the goal, in whole numbers (1.3 has no exact binary form). */
function defaultMaxReports(reportGoal: number): number {
  return Math.floor((reportGoal * 13) / 10);
}
