import type { V1Job } from '@kubernetes/client-node';
import { AppError } from '../errors.ts';
import { attemptWords, buildBuriedJob, isQueued, jobEnd, jobRefOf } from './attempt-job.ts';
import type { Burial } from './attempt-job.ts';
import { formatTime } from './decision-words.ts';
import type { Failure, OpenRound } from './ledger.ts';
import { outputPathOf } from './ledger.ts';
import { nextAttempt, settleRound } from './ledger-changes.ts';
import { backoffSec } from './policy.ts';
import type { Look } from './round-look.ts';
import { actOf, hasOutput, JOB_NAME } from './round-look.ts';
import type { Act } from './step.ts';
import { writeLedger } from './write-ledger.ts';

/** The attempt has failed: another follows, or the round counts as failed. */
export function endAttempt(look: Look, code: string, reason: string): Act {
  const { deps, pass, known, open } = look;
  const failure: Failure = { attempt: open.attempt, code, reason };
  const words = `${attemptWords(open)} failed: ${reason}`;
  if (open.cancelled === true || open.attempt >= open.maxAttempts) {
    return actOf(look, 'fail', `${words}; the round counts as failed and can be redriven`, () =>
      writeLedger(deps, pass, known, settleRound(known.ledger, deps.now(), failure)),
    );
  }
  const attempt = open.attempt + 1;
  const notBefore = new Date(pass.now.getTime() + backoffSec(pass.policy, attempt) * 1000);
  const job = jobRefOf(deps, pass.policy, pass.taskId, { ...open, attempt });
  return actOf(look, 'retry', `${words}; attempt ${attempt} starts at ${formatTime(notBefore)}`, () =>
    writeLedger(deps, pass, known, nextAttempt(known.ledger, failure, job, notBefore)),
  );
}

/** Why an attempt was ended by a Job that only holds its name, in words. */
export function burialWords(open: OpenRound, burial: Burial): string {
  switch (burial) {
    case 'Cancelled':
      return 'it was cancelled';
    case 'Vanished':
      return 'its Job was deleted before its end was seen';
    case 'OutputNotEmpty':
      return `there was something under ${outputPathOf(open)}/ before its Job was created, perhaps by one that was deleted since`;
  }
}

/**
 * Takes the attempt's name. A Job that was deleted may still be created by an instance that read "not created" and slept:
 * while its name is taken, that create is refused. 409 here means that just this happened, or an echo: look again.
 */
export function bury(look: Look, burial: Burial): Act {
  return actOf(
    look,
    'bury-job',
    `${attemptWords(look.open)}: ${burialWords(look.open, burial)}; its name is taken by a suspended Job`,
    async () => {
      const { deps, pass, known, open } = look;
      await deps.cluster.createJob(buildBuriedJob(deps, pass.policy, known.ledger, open, burial), pass.call);
      return known;
    },
  );
}

/** A complete Job has settled its round if it left output. */
export async function completed(look: Look): Promise<Act> {
  const { deps, pass, known, open } = look;
  if (!(await hasOutput(look))) {
    return endAttempt(look, 'OutputMissing', `its Job is complete, and nothing is under ${outputPathOf(open)}/`);
  }
  return actOf(look, 'settle', `${attemptWords(open)} is complete, its output is under ${outputPathOf(open)}/`, () =>
    writeLedger(deps, pass, known, settleRound(known.ledger, deps.now())),
  );
}

/** The round is to end. */
export function cancelAttempt(look: Look, job: V1Job): Act {
  return stopAttempt(look, job, 'Cancelled', 'it was cancelled');
}

/** Nothing of the attempt is to run any more. Its Job is suspended, so that its name stays taken; then the attempt ends. */
function stopAttempt(look: Look, job: V1Job, burial: 'Cancelled' | 'Vanished', why: string): Act {
  const { deps, pass, known, open } = look;
  const hasEnded = jobEnd(job) !== null;
  if (!hasEnded && isQueued(job)) return deleteQueued(look, job.metadata?.uid, why);
  if (hasEnded || job.spec?.suspend === true) return endAttempt(look, burial, why);
  return actOf(look, 'suspend-job', `${attemptWords(open)}: ${why}; the Job is suspended`, async () => {
    await deps.cluster.suspendJob(open.job.namespace, open.job.name, pass.call);
    return known;
  });
}

// Kueue would resume a suspended Job: it is deleted instead, and the next look buries its name.
function deleteQueued(look: Look, uid: string | undefined, why: string): Act {
  return actOf(
    look,
    'delete-job',
    `${attemptWords(look.open)}: ${why}; the Job is deleted, for Kueue would resume it`,
    async () => {
      const { deps, pass, known, open } = look;
      await deps.cluster.deleteJob(open.job.namespace, open.job.name, {
        ...pass.call,
        ...(uid !== undefined && { uid }),
      });
      return known;
    },
  );
}

/**
 * Somebody deleted the attempt's Job, and an instance that had read "not created" and slept made it once more. A pod of
 * the first, left behind, may write beside the second: what lies in the directory is nobody's.
 */
export function endSecondJob(look: Look, job: V1Job): Act {
  return stopAttempt(look, job, 'Vanished', 'its Job was deleted before its end was seen, and was made once more');
}

/** A failed Job ends its attempt. */
export async function failed(
  look: Look,
  job: V1Job,
  end: { readonly code: string; readonly reason: string },
): Promise<Act> {
  return endAttempt(look, end.code, await failureOf(look, job, end));
}

/** Why the Job failed, by what its pods say: the aggregator's last line names the update that it could not average. */
async function failureOf({ deps, pass, open }: Look, job: V1Job, end: { readonly reason: string }): Promise<string> {
  try {
    const pods = await deps.cluster.listPods(open.job.namespace, `${JOB_NAME}=${open.job.name}`, pass.call);
    return `${end.reason.replace(/\.$/, '')}. ${deps.explain(job, pods)}`.replace(/\.$/, '');
  } catch (error) {
    // The attempt has ended either way; what is known of it goes on record at once.
    if (error instanceof AppError) return end.reason;
    throw error;
  }
}
