import type { V1Job } from '@kubernetes/client-node';
import { buildSpec } from '../jobs/spec.ts';
import type { SpecDefaults } from '../jobs/spec.ts';
import { buildJob, LABELS } from '../jobs/manifest.ts';
import { buildAttemptJobName, buildLabelValue } from '../jobs/names.ts';
import type { RequiredSecret } from '../jobs/secrets.ts';
import { requiredSecrets } from '../jobs/secrets.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri } from '../storage/uri.ts';
import { requireAggregator } from '../values/complete-aggregator.ts';
import type { Values } from '../values/parse-values.ts';
import type { JobRef, OpenRound } from './ledger.ts';
import { listUri } from './paths.ts';

/** Identifies the attempt of a Job: the path of the checkpoint list (state bucket, task, round) and the attempt. */
const ATTEMPT = 'tensorio-trigger/attempt';
/** Identifies the updates of a Job: `content` of the open round. */
const CONTENT = 'tensorio-trigger/content';
/** Marks a placeholder Job; the value is the reason. */
const PLACEHOLDER = 'tensorio-trigger/placeholder';
/** The same annotation, as earlier versions wrote it. */
const OLD_PLACEHOLDER = 'tensorio-trigger/buried';
/** Kueue resumes a suspended Job with this label: https://kueue.sigs.k8s.io/docs/tasks/run/jobs/ */
const KUEUE_QUEUE = 'kueue.x-k8s.io/queue-name';

/** What an attempt's Job is built from. */
export interface AttemptJobDeps {
  readonly values: Values;
  readonly defaults: SpecDefaults;
  readonly stateUri: GsUri;
}

export type Attempt = Pick<OpenRound, 'round' | 'attempt' | 'outputPaths' | 'content'>;

/** Why an attempt ended without an end of its Job. A placeholder Job, which never runs, reserves the Job's name. */
export type PlaceholderReason = 'Cancelled' | 'Vanished' | 'OutputNotEmpty';

const PLACEHOLDER_REASONS: readonly PlaceholderReason[] = ['Cancelled', 'Vanished', 'OutputNotEmpty'];

export type JobEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

/** Namespace and name of an attempt's Job under the values in force. */
export function jobRefOf(deps: AttemptJobDeps, taskId: string, attempt: Attempt): JobRef {
  const { name = '', namespace = '' } = buildAttempt(deps, taskId, attempt).metadata ?? {};
  return { name, namespace };
}

/**
 * The Job of an attempt. The same task, round, attempt and updates give the same name on every instance. Throws
 * InvalidRequestError when the values lack a field that a Job needs.
 */
export function buildAttempt({ values, defaults, stateUri }: AttemptJobDeps, taskId: string, attempt: Attempt): V1Job {
  const { round, attempt: number, outputPaths } = attempt;
  const paths = {
    checkpointsFilePath: formatGsUri(listUri(stateUri, taskId, round)),
    outputPath: outputPaths[number - 1] ?? '',
  };
  const aggregator = requireAggregator({ aggregator: { ...values.aggregator, ...paths } }, { idIsDerived: true });
  const id = `${taskId}/round-${round}/attempt-${number}`;
  const spec = buildSpec(aggregator, id, values.namespace ?? defaults.namespace, defaults);
  const name = buildAttemptJobName(spec.releaseName, taskId, round, number, attempt.content);
  return buildJob(spec, { name, task: { taskId, round } });
}

/** The Job of the open attempt, with the name that the ledger has frozen. */
export function buildOpenJob(deps: AttemptJobDeps, taskId: string, open: OpenRound): V1Job {
  const job = buildAttempt(deps, taskId, open);
  const annotations = {
    ...job.metadata?.annotations,
    [ATTEMPT]: attemptId(deps, taskId, open),
    ...(open.content !== undefined && { [CONTENT]: open.content }),
  };
  job.metadata = Object.assign({}, job.metadata, open.job, { annotations });
  return job;
}

function attemptId(
  { stateUri }: Pick<AttemptJobDeps, 'stateUri'>,
  taskId: string,
  { round, attempt }: Attempt,
): string {
  return `${formatGsUri(listUri(stateUri, taskId, round))}#${attempt}`;
}

/** The same Job, suspended and without its queue: it reserves the name and never runs. */
export function buildPlaceholder(
  deps: AttemptJobDeps,
  taskId: string,
  open: OpenRound,
  reason: PlaceholderReason,
): V1Job {
  const job = buildOpenJob(deps, taskId, open);
  const { [KUEUE_QUEUE]: _, ...labels } = job.metadata?.labels ?? {};
  const annotations = { ...job.metadata?.annotations, [PLACEHOLDER]: reason };
  job.metadata = Object.assign({}, job.metadata, { labels, annotations });
  if (job.spec !== undefined) job.spec.suspend = true;
  return job;
}

/** The reason of a placeholder Job; `undefined` for any other Job. */
export function placeholderReasonOf({ metadata }: V1Job): PlaceholderReason | undefined {
  const written = metadata?.annotations?.[PLACEHOLDER] ?? metadata?.annotations?.[OLD_PLACEHOLDER];
  return PLACEHOLDER_REASONS.find((reason) => reason === written);
}

/** Whether Kueue decides when the Job is suspended. */
export function isQueued({ metadata }: V1Job): boolean {
  return metadata?.labels?.[KUEUE_QUEUE] !== undefined;
}

/**
 * Whether a Job with the attempt's name belongs to this attempt and aggregates its updates. After the state of a task was
 * moved away, a Job of the earlier round with the same number has the same name and list, and other updates.
 */
export function isOfAttempt(
  deps: Pick<AttemptJobDeps, 'stateUri'>,
  taskId: string,
  open: OpenRound,
  { metadata }: V1Job,
): boolean {
  const { [ATTEMPT]: attempt, [CONTENT]: content } = metadata?.annotations ?? {};
  return attempt === attemptId(deps, taskId, open) && (open.content === undefined || content === open.content);
}

/** How the Job ended; `null` while it has not. */
export function jobEnd(job: V1Job): JobEnd | null {
  for (const { type, status, reason = 'Failed', message = 'no message' } of job.status?.conditions ?? []) {
    if (status !== 'True') continue;
    if (type === 'Complete') return { kind: 'complete' };
    if (type === 'Failed') return { kind: 'failed', code: reason, reason: `its Job failed (${reason}): ${message}` };
  }
  return null;
}

/** Whether the Job may have a pod now or later. This service suspends a Job for good, unless Kueue resumes it. */
export function mayRun(job: V1Job): boolean {
  return jobEnd(job) === null && (job.spec?.suspend !== true || isQueued(job));
}

/** Selects the Jobs and the pods of all rounds of a task. */
export function taskSelector(taskId: string): string {
  return `${LABELS.task}=${buildLabelValue(taskId)}`;
}

/** The Secrets that must exist before the Job is created. */
export function attemptSecrets({ checkSecrets }: Values, job: V1Job): RequiredSecret[] {
  const podSpec = job.spec?.template.spec;
  return requiredSecrets(job.metadata?.namespace ?? '', podSpec === undefined ? [] : [podSpec], checkSecrets);
}
