import type { V1Job } from '@kubernetes/client-node';
import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import type { RequiredSecret } from '../jobs/required-secrets.ts';
import { requiredSecrets } from '../jobs/required-secrets.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import { requireAggregator } from '../values/complete-aggregator.ts';
import {
  directoryFeeds,
  parseDirectoryPattern,
  parseObjectPattern,
  patternsOverlap,
} from '../values/object-pattern.ts';
import type { Values } from '../values/parse-values.ts';
import type { Allowances } from '../jobs/allowed.ts';
import { buildJob, LABELS } from '../jobs/manifest.ts';
import { buildAttemptJobName, buildLabelValue } from '../jobs/names.ts';
import { buildSpec } from '../jobs/build-spec.ts';
import type { SpecDefaults } from '../jobs/build-spec.ts';

/** One attempt of a round. */
export interface Attempt {
  readonly taskId: string;
  readonly round: number;
  readonly attempt: number;
  /** The checkpoint list's `gs://` path. */
  readonly listUri: string;
  readonly outputPath: string;
}

/** Folders of state (architecture.md, section 6): what is written there must not count as an upload. */
const STATE_FOLDERS = ['runs', 'tasks', 'schedules'] as const;

/**
 * The Job of one attempt of a round, from the aggregator's configured values: the same attempt has the same name,
 * whichever instance builds it. Throws InvalidRequestError when the configured values lack what a Job needs.
 */
export function buildAttempt(values: Values, defaults: SpecDefaults, attempt: Attempt): V1Job {
  const { taskId, round } = attempt;
  const paths = { checkpointsFilePath: attempt.listUri, outputPath: attempt.outputPath };
  const aggregator = requireAggregator({ aggregator: { ...values.aggregator, ...paths } }, { idIsDerived: true });
  const id = `${taskId}/round-${round}/attempt-${attempt.attempt}`;
  const spec = buildSpec(aggregator, id, values.namespace ?? defaults.namespace, defaults);
  const { name } = buildAttemptJobName(spec.releaseName, taskId, round, attempt.attempt);
  return buildJob(spec, { name, task: { taskId, round } });
}

/**
 * Checks configured values that start aggregations by themselves: what every Job of theirs needs is there, their buckets
 * are allowed, and they do not take our own state for uploads. Throws InvalidRequestError with all faults, before a device
 * waits for a round that cannot start.
 */
export function assertRunnable(values: Values, allowed: Allowances, stateUri: GsUri): void {
  if (values.rounds.length === 0 && values.lists.length === 0) return;
  const issues = [
    ...values.rounds.flatMap((round, index) => [
      bucketIssue(allowed, `rounds[${index}].uploads`, round.uploads),
      stateIssue(stateUri, `rounds[${index}].uploads`, round.uploads),
      bucketIssue(allowed, `rounds[${index}].outputPath`, round.outputPath),
    ]),
    ...values.lists.flatMap((list, index) => [
      bucketIssue(allowed, `lists[${index}].object`, list.object),
      stateIssue(stateUri, `lists[${index}].object`, list.object),
      bucketIssue(allowed, `lists[${index}].outputPath`, list.outputPath),
    ]),
  ].filter((issue) => issue !== null);
  if (issues.length > 0) {
    throw new InvalidRequestError(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), issues);
  }
  const anyPath = { checkpointsFilePath: 'gs://any/list', outputPath: 'gs://any/output' };
  requireAggregator({ aggregator: { ...values.aggregator, ...anyPath } }, { idIsDerived: true });
}

function bucketIssue(allowed: Allowances, path: string, text: string): Issue | null {
  const bucket = text.slice('gs://'.length).split('/', 1)[0] ?? '';
  return allowed.buckets.includes(bucket)
    ? null
    : { path, message: `bucket "${bucket}" is not allowed by ALLOWED_BUCKETS` };
}

function stateIssue(stateUri: GsUri, path: string, text: string): Issue | null {
  const pattern = parseObjectPattern(text, path);
  const isFed = STATE_FOLDERS.some((folder) => {
    const directory = parseDirectoryPattern(formatGsUri(joinGsUri(stateUri, folder)), 'STATE_URI');
    return directoryFeeds(directory, pattern);
  });
  const sweep = parseObjectPattern(formatGsUri(joinGsUri(stateUri, 'sweep.json')), 'STATE_URI');
  if (!isFed && !patternsOverlap(sweep, pattern)) return null;
  const message = `could match what this service itself writes under ${formatGsUri(stateUri)} (STATE_URI): each write would be an upload, a loop`;
  return { path, message };
}

/** Selects the pods of every round of a task. */
export function attemptPodSelector(taskId: string): string {
  return `${LABELS.task}=${buildLabelValue(taskId)}`;
}

/** What must be there before an attempt's Job is created. */
export function attemptSecrets(values: Values, job: V1Job): RequiredSecret[] {
  const podSpec = job.spec?.template.spec;
  return requiredSecrets(job.metadata?.namespace ?? '', podSpec === undefined ? [] : [podSpec], values.checkSecrets);
}
