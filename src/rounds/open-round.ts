import type { V1Job } from '@kubernetes/client-node';
import { ConflictError } from '../errors.ts';
import { bury, burialWords, cancelAttempt, completed, endAttempt, endSecondJob, failed } from './attempt-end.ts';
import { attemptWords, burialOf, isOfAttempt, jobEnd } from './attempt-job.ts';
import { lookForStart } from './attempt-start.ts';
import type { RoundsDeps } from './deps.ts';
import type { OpenRound } from './ledger.ts';
import { noteCreated } from './ledger-changes.ts';
import type { Look } from './round-look.ts';
import { actOf, JOB_NAME } from './round-look.ts';
import type { Act, Known, Pass, Step, Wait } from './step.ts';
import { writeLedger } from './write-ledger.ts';

/** What the open round needs next. Reads the cluster and the output, writes nothing before `run`. */
export async function lookAtRound(deps: RoundsDeps, pass: Pass, known: Known, open: OpenRound): Promise<Step> {
  const look: Look = { deps, pass, known, open };
  const job = await deps.cluster.getJob(open.job.namespace, open.job.name, pass.call);
  if (job !== null) return { next: await lookWithJob(look, job), job };
  if (open.created) return { next: bury(look, open.cancelled === true ? 'Cancelled' : 'Vanished') };
  return { next: await lookForStart(look) };
}

function lookWithJob(look: Look, job: V1Job): Act | Promise<Act | Wait> {
  const { deps, pass, known, open } = look;
  if (!isOfAttempt(deps, known.ledger, open, job)) {
    if (!open.created) throw foreignJob(look);
    return endAttempt(look, 'Vanished', 'its Job was deleted, and another has taken its name');
  }
  if (open.created) return lookAtJob(look, job);
  return actOf(look, 'note-job', `${attemptWords(open)}: its Job is there, and is noted in the ledger`, () =>
    writeLedger(deps, pass, known, noteCreated(known.ledger, job)),
  );
}

function foreignJob({ open }: Look): ConflictError {
  return new ConflictError(
    `${attemptWords(open)}: a Job ${open.job.namespace}/${open.job.name} is there that is not of this round. ` +
      'Delete that Job, or give this service another release name; the round goes on by itself then.',
    { details: { job: open.job } },
  );
}

function lookAtJob(look: Look, job: V1Job): Act | Promise<Act | Wait> {
  const burial = burialOf(job);
  if (burial !== undefined) return endAttempt(look, burial, burialWords(look.open, burial));
  if (isSecondJob(look, job)) return endSecondJob(look, job);
  const end = jobEnd(job);
  if (end?.kind === 'complete') return completed(look);
  if (end?.kind === 'failed') return failed(look, job, end);
  return look.open.cancelled === true ? cancelAttempt(look, job) : running(look, job);
}

/** Whether the Job under the attempt's name is another than the one that the ledger knows. */
function isSecondJob({ open }: Look, job: V1Job): boolean {
  return open.jobUid !== undefined && job.metadata?.uid !== open.jobUid;
}

async function running({ deps, pass, open }: Look, job: V1Job): Promise<Wait> {
  const ready = (job.status?.ready ?? 0) > 0;
  const selector = `${JOB_NAME}=${open.job.name}`;
  const pods = ready ? [] : await deps.cluster.listPods(open.job.namespace, selector, pass.call);
  const state = ready ? 'running' : 'pending';
  return {
    kind: 'wait',
    wait: job.spec?.suspend === true ? 'suspended' : state,
    reason: `Waits for ${attemptWords(open)} to end: ${deps.explain(job, pods)}`,
  };
}
