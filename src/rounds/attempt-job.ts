import type { V1Job } from '@kubernetes/client-node';
import { formatGsUri } from '../storage/uri.ts';
import type { RoundsDeps } from './deps.ts';
import type { JobRef, Ledger, OpenRound } from './ledger.ts';
import { outputPathOf } from './ledger.ts';
import { listUri } from './paths.ts';
import type { RoundPolicy } from './policy.ts';

/** Whose attempt a Job is: the checkpoint list's path (it names the state bucket, task and round) and the attempt. */
const ATTEMPT = 'tensorio-trigger/attempt';
/** On a Job that only holds a name, so that nobody who still means to create the real one can; its value says why. */
const BURIED = 'tensorio-trigger/buried';
/** Kueue resumes a suspended Job that carries it: https://kueue.sigs.k8s.io/docs/tasks/run/jobs/ */
const KUEUE_QUEUE = 'kueue.x-k8s.io/queue-name';

type Deps = Pick<RoundsDeps, 'buildJob' | 'stateUri'>;

/** Why an attempt was ended by a Job that only holds its name. */
export type Burial = 'Cancelled' | 'Vanished' | 'OutputNotEmpty';

const BURIALS: readonly Burial[] = ['Cancelled', 'Vanished', 'OutputNotEmpty'];

export type JobEnd =
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string };

/** Namespace and name of an attempt's Job as it would be built now. */
export function jobRefOf(
  deps: Deps,
  policy: RoundPolicy,
  taskId: string,
  attempt: Pick<OpenRound, 'round' | 'attempt' | 'outputPaths'>,
): JobRef {
  const { name, namespace } = build(deps, policy, taskId, attempt).metadata ?? {};
  if (name === undefined || namespace === undefined) throw new Error('buildJob gave a Job without a name or namespace');
  return { name, namespace };
}

function build(
  deps: Deps,
  policy: RoundPolicy,
  taskId: string,
  attempt: Pick<OpenRound, 'round' | 'attempt' | 'outputPaths'>,
): V1Job {
  return deps.buildJob({
    taskId,
    round: attempt.round,
    attempt: attempt.attempt,
    listUri: formatGsUri(listUri(deps.stateUri, taskId, attempt.round)),
    outputPath: attempt.outputPaths[attempt.attempt - 1] ?? '',
    policy,
  });
}

/** The Job of the open attempt, under the name that the ledger has frozen. */
export function buildAttemptJob(deps: Deps, policy: RoundPolicy, ledger: Ledger, open: OpenRound): V1Job {
  const job = structuredClone(build(deps, policy, ledger.taskId, open));
  job.metadata = Object.assign({}, job.metadata, open.job);
  job.metadata.annotations = { ...job.metadata.annotations, [ATTEMPT]: attemptId(deps, ledger.taskId, open) };
  return job;
}

function attemptId(deps: Pick<RoundsDeps, 'stateUri'>, taskId: string, { round, attempt }: OpenRound): string {
  return `${formatGsUri(listUri(deps.stateUri, taskId, round))}#${attempt}`;
}

/** The same Job, suspended for good: it takes the name and runs nothing. */
export function buildBuriedJob(
  deps: Deps,
  policy: RoundPolicy,
  ledger: Ledger,
  open: OpenRound,
  burial: Burial,
): V1Job {
  const job = buildAttemptJob(deps, policy, ledger, open);
  if (job.spec !== undefined) job.spec.suspend = true;
  const { [KUEUE_QUEUE]: _, ...labels } = job.metadata?.labels ?? {};
  job.metadata = Object.assign({}, job.metadata, {
    labels,
    annotations: { ...job.metadata?.annotations, [BURIED]: burial },
  });
  return job;
}

/** Whether Kueue, and not we, decides when the Job is suspended. */
export function isQueued(job: V1Job): boolean {
  return job.metadata?.labels?.[KUEUE_QUEUE] !== undefined;
}

/** Whether `job`, found under the attempt's name, is of this attempt of this task of this state bucket. */
export function isOfAttempt(deps: Pick<RoundsDeps, 'stateUri'>, ledger: Ledger, open: OpenRound, job: V1Job): boolean {
  return job.metadata?.annotations?.[ATTEMPT] === attemptId(deps, ledger.taskId, open);
}

/** Why `job` only holds the name of an attempt that has ended; `undefined` for a real one. */
export function burialOf(job: V1Job): Burial | undefined {
  return BURIALS.find((burial) => burial === job.metadata?.annotations?.[BURIED]);
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

/** `round 3, attempt 1 of 3 (100 updates)` */
export function attemptWords(open: OpenRound): string {
  return `round ${open.round}, attempt ${open.attempt} of ${open.maxAttempts} (${open.updates} ${open.updates === 1 ? 'update' : 'updates'})`;
}

/** The prefix below which every object of the attempt's output lies, split for a listing. */
export function outputFolder(open: OpenRound): { readonly bucket: string; readonly prefix: string } {
  const path = outputPathOf(open).slice('gs://'.length).replace(/\/+$/, '');
  const slash = path.indexOf('/');
  return { bucket: path.slice(0, slash), prefix: `${path.slice(slash + 1)}/` };
}
