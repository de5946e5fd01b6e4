import type { V1Job } from '@kubernetes/client-node';
import { AppError, ConflictError } from '../errors.ts';
import { allowedJobIssues, assertAllowed } from '../jobs/allowed.ts';
import { explainJob, plainSentence } from '../jobs/explain.ts';
import { factsOf } from '../jobs/facts.ts';
import { assertSecrets } from '../jobs/secrets.ts';
import { hasObjects } from '../storage/port.ts';
import { parseGsUri } from '../storage/uri.ts';
import type { JobEnd, PlaceholderReason } from './attempt-job.ts';
import {
  attemptSecrets,
  buildOpenJob,
  buildPlaceholder,
  isOfAttempt,
  isQueued,
  jobEnd,
  jobRefOf,
  placeholderReasonOf,
  mayRun,
  taskSelector,
} from './attempt-job.ts';
import type { Failure, OpenRound, VersionedLedger } from './ledger.ts';
import { nextAttempt, noteCreated, outputPathOf, settleRound } from './ledger.ts';
import { backoffSec, formatTime, MAX_BACKOFF_SEC } from './policy.ts';
import type { Action, ActionName, Step, TaskContext, Wait } from './task-context.ts';
import { writeLedger } from './task-context.ts';

interface RoundState {
  readonly context: TaskContext;
  readonly current: VersionedLedger;
  readonly open: OpenRound;
}

/** The next step of the open round. Reads the cluster and the output; only the `run` of the step writes. */
export async function observeRound(context: TaskContext, current: VersionedLedger, open: OpenRound): Promise<Step> {
  const state: RoundState = { context, current, open };
  const job = await context.rounds.cluster.getJob(open.job.namespace, open.job.name, context.call);
  if (job !== null) return { next: await withJob(state, job), job };
  if (open.created) return { next: reserveName(state, open.cancelled === true ? 'Cancelled' : 'Vanished') };
  return { next: await withoutJob(state) };
}

/** `round 3, attempt 1 of 3 (100 updates)` */
export function describeAttempt({ round, attempt, maxAttempts, updates }: OpenRound): string {
  return `round ${round}, attempt ${attempt} of ${maxAttempts} (${updates} ${updates === 1 ? 'update' : 'updates'})`;
}

function withJob(state: RoundState, job: V1Job): Action | Promise<Action | Wait> {
  const { context, current, open } = state;
  if (!isOfAttempt(context.rounds, context.taskId, open, job)) {
    if (!open.created) throw foreignJob(open);
    return endAttempt(state, 'Vanished', 'its Job was deleted, and another Job has its name');
  }
  if (open.created) return byJob(state, job);
  return actionOf(state, 'note-job', `${describeAttempt(open)}: its Job exists, and the ledger records it`, () =>
    writeLedger(context, current, noteCreated(current.ledger, job)),
  );
}

function foreignJob(open: OpenRound): ConflictError {
  return new ConflictError(
    `${describeAttempt(open)}: a Job ${open.job.namespace}/${open.job.name} exists that does not belong to this round. ` +
      'Delete that Job, or give this service another release name; the round then continues.',
    { details: { job: open.job } },
  );
}

function byJob(state: RoundState, job: V1Job): Action | Promise<Action | Wait> {
  const { open } = state;
  const reserved = placeholderReasonOf(job);
  if (reserved !== undefined) return endAttempt(state, reserved, placeholderSentence(open, reserved));
  // An instance had read "not created" and paused, and created the Job again after somebody deleted it. A pod of the
  // first Job may write beside the second, so the output cannot be trusted.
  if (open.jobUid !== undefined && job.metadata?.uid !== open.jobUid) {
    return stopAttempt(state, job, 'Vanished', 'its Job was deleted before its end was seen, and was created again');
  }
  const end = jobEnd(job);
  if (end?.kind === 'complete') return complete(state);
  if (end?.kind === 'failed') return fail(state, job, end);
  return open.cancelled === true ? stopAttempt(state, job, 'Cancelled', 'it was cancelled') : running(state, job);
}

async function running({ context, open }: RoundState, job: V1Job): Promise<Wait> {
  const ready = (job.status?.ready ?? 0) > 0;
  const why = ready ? 'Its pod is running.' : await explain(context, job);
  const wait = job.spec?.suspend === true ? 'suspended' : ready ? 'running' : 'pending';
  return { kind: 'wait', wait, reason: `Waits for ${describeAttempt(open)} to end: ${why}` };
}

/** Why the Job does not progress or has failed, from its pods and events. */
async function explain({ rounds, call }: TaskContext, job: V1Job): Promise<string> {
  const facts = await factsOf(rounds.cluster, job, call);
  return explainJob(facts)?.why ?? plainSentence(facts);
}

/** A complete Job settles its round if it left output. */
async function complete(state: RoundState): Promise<Action> {
  const { context, current, open } = state;
  const path = `${outputPathOf(open)}/`;
  if (!(await hasOutput(state))) {
    return endAttempt(state, 'OutputMissing', `its Job is complete, and there is no object under ${path}`);
  }
  return actionOf(state, 'settle', `${describeAttempt(open)} is complete, its output is under ${path}`, () =>
    writeLedger(context, current, settleRound(current.ledger, context.rounds.now())),
  );
}

function hasOutput({ context, open }: RoundState): Promise<boolean> {
  const { bucket, name } = parseGsUri(outputPathOf(open), 'outputPath');
  const prefix = `${name.replace(/\/+$/, '')}/`;
  return hasObjects(context.rounds.store, { bucket, prefix }, context.call);
}

async function fail(state: RoundState, job: V1Job, end: Extract<JobEnd, { kind: 'failed' }>): Promise<Action> {
  return endAttempt(state, end.code, await explainFailure(state.context, job, end.reason));
}

/** The reason of the failure, with the explanation from the pods: the aggregator's last line names the damaged update. */
async function explainFailure(context: TaskContext, job: V1Job, reason: string): Promise<string> {
  try {
    return `${reason.replace(/\.$/, '')}. ${await explain(context, job)}`.replace(/\.$/, '');
  } catch (error) {
    // The attempt has ended in any case, so the ledger records what is known.
    if (error instanceof AppError) return reason;
    throw error;
  }
}

/** Records that the attempt failed: another one follows, or the round fails. */
function endAttempt(state: RoundState, code: string, reason: string): Action {
  const { context, current, open } = state;
  const failure: Failure = { attempt: open.attempt, code, reason };
  const sentence = `${describeAttempt(open)} failed: ${reason}`;
  if (open.cancelled === true || open.attempt >= open.maxAttempts) {
    return actionOf(state, 'fail', `${sentence}; the round counts as failed and can be redriven`, () =>
      writeLedger(context, current, settleRound(current.ledger, context.rounds.now(), failure)),
    );
  }
  const attempt = open.attempt + 1;
  const notBefore = new Date(context.now.getTime() + backoffSec(context.policy, attempt) * 1000);
  const job = jobRefOf(context.rounds, context.taskId, { ...open, attempt });
  return actionOf(state, 'retry', `${sentence}; attempt ${attempt} starts at ${formatTime(notBefore)}`, () =>
    writeLedger(context, current, nextAttempt(current.ledger, failure, job, notBefore)),
  );
}

/** Suspends the Job, so that its name stays reserved, and then ends the attempt. */
function stopAttempt(state: RoundState, job: V1Job, code: 'Cancelled' | 'Vanished', why: string): Action {
  const { context, current, open } = state;
  const hasEnded = jobEnd(job) !== null;
  if (!hasEnded && isQueued(job)) return deleteQueued(state, job.metadata?.uid, why);
  if (hasEnded || job.spec?.suspend === true) return endAttempt(state, code, why);
  return actionOf(state, 'suspend-job', `${describeAttempt(open)}: ${why}; the Job is suspended`, async () => {
    await context.rounds.cluster.suspendJob(open.job.namespace, open.job.name, context.call);
    return current;
  });
}

// Kueue would resume a suspended Job. It is deleted instead, and the next reconcile reserves its name.
function deleteQueued(state: RoundState, uid: string | undefined, why: string): Action {
  const { context, current, open } = state;
  const reason = `${describeAttempt(open)}: ${why}; the Job is deleted, because Kueue would resume it`;
  return actionOf(state, 'delete-job', reason, async () => {
    const options = { ...context.call, ...(uid !== undefined && { uid }) };
    await context.rounds.cluster.deleteJob(open.job.namespace, open.job.name, options);
    return current;
  });
}

/**
 * Reserves the Job's name with a suspended placeholder Job. An instance that read "not created" and paused may still
 * create the Job; the create is refused while the name is taken. If the name is already taken here, the instance was
 * faster, or this is a repeated request: the next reconcile reads the Job.
 */
function reserveName(state: RoundState, reason: PlaceholderReason): Action {
  const { context, current, open } = state;
  const sentence = `${describeAttempt(open)}: ${placeholderSentence(open, reason)}; a suspended placeholder Job reserves its name`;
  return actionOf(state, 'create-placeholder', sentence, async () => {
    const { rounds, taskId, call } = context;
    await rounds.cluster.createJob(buildPlaceholder(rounds, taskId, open, reason), call);
    return current;
  });
}

function placeholderSentence(open: OpenRound, reason: PlaceholderReason): string {
  switch (reason) {
    case 'Cancelled':
      return 'it was cancelled';
    case 'Vanished':
      return 'its Job was deleted before its end was seen';
    case 'OutputNotEmpty':
      return `there were objects under ${outputPathOf(open)}/ before its Job was created, perhaps from a Job that was deleted`;
  }
}

/** The next step of an attempt that has no Job. */
async function withoutJob(state: RoundState): Promise<Action | Wait> {
  const { context, open } = state;
  const { rounds, taskId, call } = context;
  if (open.cancelled === true) return reserveName(state, 'Cancelled');
  const notBefore = new Date(open.notBefore);
  // An instance with a wrong clock wrote a longer wait.
  const waitMs = notBefore.getTime() - context.now.getTime();
  if (waitMs > 0 && waitMs <= MAX_BACKOFF_SEC * 1000) {
    const because = open.failures.at(-1)?.reason ?? 'the attempt before failed';
    const reason = `Waits until ${formatTime(notBefore)} to start ${describeAttempt(open)}: ${because}.`;
    return { kind: 'wait', wait: 'backoff', reason, nextCheckAt: notBefore };
  }
  // The pod of a deleted Job may outlive it, and a Job from before the state was moved away may get its pod later. Two
  // aggregators would write at once.
  const [pods, jobs] = await Promise.all([
    rounds.cluster.listPods(open.job.namespace, taskSelector(taskId), call),
    rounds.cluster.listJobs(open.job.namespace, taskSelector(taskId), call),
  ]);
  const other = jobs.find((job) => job.metadata?.name !== open.job.name && mayRun(job));
  if (other !== undefined) {
    const reason = `Waits for Job ${open.job.namespace}/${other.metadata?.name} of this task, which is not of this round, to end or be deleted before it starts ${describeAttempt(open)}.`;
    return { kind: 'wait', wait: 'pod-alive', reason };
  }
  const alive = pods.find(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  if (alive !== undefined) {
    const reason = `Waits for pod ${alive.metadata?.name} of an earlier Job of this task to end before it starts ${describeAttempt(open)}.`;
    return { kind: 'wait', wait: 'pod-alive', reason };
  }
  // A Job of this attempt may have existed unnoticed and left part of an output, which would pass for a complete one.
  if (await hasOutput(state)) return reserveName(state, 'OutputNotEmpty');
  return createStep(state);
}

function createStep(state: RoundState): Action {
  const { context, current, open } = state;
  const { rounds, taskId, call } = context;
  const job = buildOpenJob(rounds, taskId, open);
  const reason = `${describeAttempt(open)} starts: Job ${open.job.namespace}/${open.job.name} is created`;
  async function run(): Promise<VersionedLedger | 'conflict'> {
    await preflight(context, job);
    const created = await rounds.cluster.createJob(job, call);
    // Another instance created it, or this is a repeated request: the next reconcile reads the Job.
    return created === 'exists' ? current : writeLedger(context, current, noteCreated(current.ledger, created));
  }
  return {
    ...actionOf(state, 'create-job', reason, run),
    check: async () => {
      await preflight(context, job);
      // Only the API server knows whether a quota, a webhook or a missing permission prevents the Job.
      await rounds.cluster.createJob(job, { ...call, dryRun: true });
    },
  };
}

/** Throws ForbiddenError for a Job that configuration does not allow, PreflightError for missing Secrets. */
async function preflight({ rounds, call }: TaskContext, job: V1Job): Promise<void> {
  assertAllowed(allowedJobIssues(rounds.allowed, job));
  await assertSecrets(rounds.cluster, attemptSecrets(rounds.values, job), call.signal);
}

/** An action on the open round. `reason` is made a sentence. */
function actionOf({ open }: RoundState, act: ActionName, reason: string, run: Action['run']): Action {
  return { kind: 'act', act, round: open.round, reason: `${reason[0]?.toUpperCase()}${reason.slice(1)}.`, run };
}
