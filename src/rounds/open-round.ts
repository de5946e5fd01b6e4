import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { AppError, ConflictError } from '../errors.ts';
import {
  attemptWords,
  buildAttemptJob,
  buildBuriedJob,
  burialOf,
  isOfAttempt,
  isQueued,
  jobEnd,
  jobRefOf,
  outputFolder,
} from './attempt-job.ts';
import { formatTime } from './decision-words.ts';
import type { Burial } from './attempt-job.ts';
import type { RoundsDeps } from './deps.ts';
import type { Failure, OpenRound } from './ledger.ts';
import { nextAttempt, noteCreated, outputPathOf, settleRound } from './ledger.ts';
import { backoffSec } from './policy.ts';
import type { Act, ActName, Known, Pass, Step, Wait } from './step.ts';
import { writeLedger } from './write-ledger.ts';

const JOB_NAME = 'batch.kubernetes.io/job-name';

/** A look at the open round. */
interface Look {
  readonly deps: RoundsDeps;
  readonly pass: Pass;
  readonly known: Known;
  readonly open: OpenRound;
}

const actOf = ({ open }: Look, act: ActName, reason: string, run: Act['run']): Act => ({
  kind: 'act',
  act,
  round: open.round,
  reason: `${reason[0]?.toUpperCase()}${reason.slice(1)}.`,
  run,
});

const foreignJob = ({ open }: Look): ConflictError =>
  new ConflictError(
    `${attemptWords(open)}: a Job ${open.job.namespace}/${open.job.name} is there that is not of this round. ` +
      'Delete that Job, or give this service another release name; the round goes on by itself then.',
    { details: { job: open.job } },
  );

const endAttempt = (look: Look, code: string, reason: string): Act => {
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
};

const burialWords = (open: OpenRound, burial: Burial): string => {
  switch (burial) {
    case 'Cancelled':
      return 'it was cancelled';
    case 'Vanished':
      return 'its Job was deleted before its end was seen';
    case 'OutputNotEmpty':
      return `there was something under ${outputPathOf(open)}/ before its Job was created, perhaps by one that was deleted since`;
  }
};

// A Job that was deleted may still be created by an instance that read "not created" and slept: while its name is taken,
// that create is refused. 409 here means that just this happened, or an echo: look again.
const bury = (look: Look, burial: Burial): Act =>
  actOf(
    look,
    'bury-job',
    `${attemptWords(look.open)}: ${burialWords(look.open, burial)}; its name is taken by a suspended Job`,
    async () => {
      const { deps, pass, known, open } = look;
      await deps.cluster.createJob(buildBuriedJob(deps, pass.policy, known.ledger, open, burial), pass.call);
      return known;
    },
  );

const hasOutput = async ({ deps, pass, open }: Look): Promise<boolean> => {
  const page = await deps.store.list({ ...pass.call, ...outputFolder(open), maxResults: 1 });
  return page.objects.length > 0;
};

const completed = async (look: Look): Promise<Act> => {
  const { deps, pass, known, open } = look;
  if (!(await hasOutput(look))) {
    return endAttempt(look, 'OutputMissing', `its Job is complete, and nothing is under ${outputPathOf(open)}/`);
  }
  return actOf(look, 'settle', `${attemptWords(open)} is complete, its output is under ${outputPathOf(open)}/`, () =>
    writeLedger(deps, pass, known, settleRound(known.ledger, deps.now())),
  );
};

// Kueue would resume a suspended Job: it is deleted instead, and the next look buries its name.
const cancelQueued = (look: Look, uid: string | undefined): Act =>
  actOf(
    look,
    'delete-job',
    `${attemptWords(look.open)} was cancelled: its Job is deleted, for Kueue would resume it`,
    async () => {
      const { deps, pass, known, open } = look;
      await deps.cluster.deleteJob(open.job.namespace, open.job.name, {
        ...pass.call,
        ...(uid !== undefined && { uid }),
      });
      return known;
    },
  );

const cancel = (look: Look, job: V1Job): Act => {
  const { deps, pass, known, open } = look;
  if (isQueued(job)) return cancelQueued(look, job.metadata?.uid);
  if (job.spec?.suspend === true) return endAttempt(look, 'Cancelled', 'it was cancelled');
  return actOf(look, 'suspend-job', `${attemptWords(open)} was cancelled: its Job is suspended`, async () => {
    await deps.cluster.suspendJob(open.job.namespace, open.job.name, pass.call);
    return known;
  });
};

const running = async ({ deps, pass, open }: Look, job: V1Job): Promise<Wait> => {
  const ready = (job.status?.ready ?? 0) > 0;
  const selector = `${JOB_NAME}=${open.job.name}`;
  const pods = ready ? [] : await deps.cluster.listPods(open.job.namespace, selector, pass.call);
  const state = ready ? 'running' : 'pending';
  return {
    kind: 'wait',
    wait: job.spec?.suspend === true ? 'suspended' : state,
    reason: `Waits for ${attemptWords(open)} to end: ${deps.explain(job, pods)}`,
  };
};

/** Why the Job failed, by what its pods say: the aggregator's last line names the update that it could not average. */
const failureOf = async ({ deps, pass, open }: Look, job: V1Job, end: { readonly reason: string }): Promise<string> => {
  try {
    const pods = await deps.cluster.listPods(open.job.namespace, `${JOB_NAME}=${open.job.name}`, pass.call);
    return `${end.reason.replace(/\.$/, '')}. ${deps.explain(job, pods)}`.replace(/\.$/, '');
  } catch (error) {
    // The attempt has ended either way; what is known of it goes on record at once.
    if (error instanceof AppError) return end.reason;
    throw error;
  }
};

const failed = async (look: Look, job: V1Job, end: { readonly code: string; readonly reason: string }): Promise<Act> =>
  endAttempt(look, end.code, await failureOf(look, job, end));

const lookAtJob = (look: Look, job: V1Job): Act | Promise<Act | Wait> => {
  const burial = burialOf(job);
  if (burial !== undefined) return endAttempt(look, burial, burialWords(look.open, burial));
  const end = jobEnd(job);
  if (end?.kind === 'complete') return completed(look);
  if (end?.kind === 'failed') return failed(look, job, end);
  return look.open.cancelled === true ? cancel(look, job) : running(look, job);
};

const isAlive = (pod: V1Pod): boolean => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';

const createAttempt = async ({ deps, pass, known }: Look, job: V1Job): Promise<Known | 'conflict'> => {
  await deps.preflight(job, pass.call);
  const created = await deps.cluster.createJob(job, pass.call);
  // Another instance's, or the echo of ours: the next look reads whose it is.
  if (created === 'exists') return known;
  return writeLedger(deps, pass, known, noteCreated(known.ledger));
};

const lookForStart = async (look: Look): Promise<Act | Wait> => {
  const { deps, pass, open } = look;
  if (open.cancelled === true) return bury(look, 'Cancelled');
  const notBefore = new Date(open.notBeforeMs);
  if (notBefore > pass.now) {
    const reason = `Waits until ${formatTime(notBefore)} to start ${attemptWords(open)}: ${open.failures.at(-1)?.reason ?? 'the one before failed'}.`;
    return { kind: 'wait', wait: 'backoff', reason, nextCheckAt: notBefore };
  }
  // A deleted Job's pod outlives it: two aggregators would write at once.
  const alive = (await deps.cluster.listPods(open.job.namespace, deps.podSelector(pass.taskId), pass.call)).find(
    isAlive,
  );
  if (alive !== undefined) {
    const reason = `Waits for pod ${alive.metadata?.name} of an earlier Job of this task to end, before it starts ${attemptWords(open)}.`;
    return { kind: 'wait', wait: 'pod-alive', reason };
  }
  // A Job of this attempt that nobody noted may have been here, and left half an output that would pass for ours.
  if (await hasOutput(look)) return bury(look, 'OutputNotEmpty');
  const job = buildAttemptJob(deps, pass.policy, look.known.ledger, open);
  const words = `${attemptWords(open)} starts: Job ${open.job.namespace}/${open.job.name} is created`;
  return {
    ...actOf(look, 'create-job', words, () => createAttempt(look, job)),
    check: () => deps.preflight(job, pass.call),
  };
};

const lookWithJob = (look: Look, job: V1Job): Act | Promise<Act | Wait> => {
  const { deps, pass, known, open } = look;
  if (!isOfAttempt(deps, known.ledger, open, job)) {
    if (!open.created) throw foreignJob(look);
    return endAttempt(look, 'Vanished', 'its Job was deleted, and another has taken its name');
  }
  if (open.created) return lookAtJob(look, job);
  return actOf(look, 'note-job', `${attemptWords(open)}: its Job is there, and is noted in the ledger`, () =>
    writeLedger(deps, pass, known, noteCreated(known.ledger)),
  );
};

/** What the open round needs next. Reads the cluster and the output, writes nothing before `run`. */
export const lookAtRound = async (deps: RoundsDeps, pass: Pass, known: Known, open: OpenRound): Promise<Step> => {
  const look: Look = { deps, pass, known, open };
  const job = await deps.cluster.getJob(open.job.namespace, open.job.name, pass.call);
  if (job !== null) return { next: await lookWithJob(look, job), job };
  if (open.created) return { next: bury(look, open.cancelled === true ? 'Cancelled' : 'Vanished') };
  return { next: await lookForStart(look) };
};
