import * as z from 'zod';
import { listLineProblem } from './aggregator-text.ts';
import { gsPathField, gsPatternField, seconds, textField, wholeNumber } from './fields.ts';
import { TASK_ID_PREFIX } from './kubernetes-syntax.ts';

const HOUR_SEC = 3_600;
const WEEK_SEC = 7 * 24 * HOUR_SEC;

const MAX_REPORTS = 1_000_000;
const count = wholeNumber(1, MAX_REPORTS);

/** One entry of `rounds[]`. `rounds/policy.ts` defines what the fields mean. */
export const RoundSchema = z.strictObject({
  uploads: gsPatternField('the pattern of updates, as in gs://BUCKET/tasksJobs/{taskId}/{jobId}.zip')
    .refine((text) => listLineProblem(text) === null, {
      error: (issue) => listLineProblem(String(issue.input)) ?? '',
    })
    .describe('Pattern of the uploaded updates. {taskId} is one path segment, {jobId} is in the last one.'),
  taskIdPrefix: textField(TASK_ID_PREFIX)
    .optional()
    .describe(
      'Text before the {taskId} of the pattern: together they are the task id. Each entry has another one. Default: none.',
    ),
  outputPath: gsPathField(
    'the directory of one attempt, as in gs://BUCKET/{taskId}/round-{round}/attempt-{attempt}',
  ).describe('Directory for the result of one attempt, with {taskId}, {round} and, with several attempts, {attempt}.'),
  reportGoal: count.describe('Number of updates at which a round starts.'),
  minReports: count.optional().describe('Smallest number of updates with which a round starts. Default: reportGoal.'),
  maxReports: count
    .optional()
    .describe('Largest number of updates in one round. Default: 1.3 times reportGoal, rounded down.'),
  roundTimeoutSec: seconds(1)
    .optional()
    .describe('Seconds after the oldest pending update at which the round starts with minReports. Default: 3600.'),
  quietPeriodSec: seconds(0)
    .optional()
    .describe(
      'Seconds without an upload after which the round starts with minReports. 0, the default, turns this off.',
    ),
  maxAttempts: wholeNumber(1, 20).optional().describe('Number of Jobs tried for one round. Default: 3.'),
  retryBackoffSec: wholeNumber(0, 600)
    .optional()
    .describe('Seconds before the second attempt. Doubles for each further one, up to 600. Default: 30.'),
  lateUpdates: z
    .enum(['carry', 'drop'])
    .optional()
    .describe(
      'Whether pending updates that a round does not take are kept for the next one or discarded. Default: carry.',
    ),
  settledWindowSec: seconds(HOUR_SEC)
    .optional()
    .describe('Seconds for which the names of aggregated updates are remembered. Default: 604800 (a week).'),
});

/** One entry of `lists[]`: uploaded objects that are checkpoint lists. */
export const ListSchema = z.strictObject({
  object: gsPathField(
    'the pattern of checkpoint lists, as in gs://BUCKET/{taskId}/aggregation-checkpoints.txt',
  ).describe('Pattern of the uploaded checkpoint lists. May contain {taskId}.'),
  outputPath: gsPathField('the directory for the average, as in gs://BUCKET/{taskId}/final-aggregate').describe(
    'Directory for the average. Contains {taskId} if the object pattern does.',
  ),
});

/** The same with every field optional: used to check the rules between fields when some fields are invalid. */
export const PartialRoundSchema = RoundSchema.partial();
export const PartialListSchema = ListSchema.partial();

export type ListValues = z.infer<typeof ListSchema>;
export type RoundValues = ReturnType<typeof completeRound>;

/** A round's values with all defaults. */
export function completeRound(input: z.infer<typeof RoundSchema>) {
  return {
    uploads: input.uploads,
    taskIdPrefix: input.taskIdPrefix ?? '',
    outputPath: input.outputPath,
    reportGoal: input.reportGoal,
    minReports: input.minReports ?? input.reportGoal,
    // 1.3 has no exact binary form.
    maxReports: input.maxReports ?? Math.floor((input.reportGoal * 13) / 10),
    roundTimeoutSec: input.roundTimeoutSec ?? HOUR_SEC,
    quietPeriodSec: input.quietPeriodSec ?? 0,
    maxAttempts: input.maxAttempts ?? 3,
    retryBackoffSec: input.retryBackoffSec ?? 30,
    lateUpdates: input.lateUpdates ?? ('carry' as const),
    settledWindowSec: input.settledWindowSec ?? WEEK_SEC,
  };
}
