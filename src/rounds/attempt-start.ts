import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { attemptWords, buildAttemptJob } from './attempt-job.ts';
import { bury } from './attempt-end.ts';
import { formatTime } from './decision-words.ts';
import { noteCreated } from './ledger-changes.ts';
import { MAX_BACKOFF_SEC } from './policy.ts';
import type { Look } from './round-look.ts';
import { actOf, hasOutput } from './round-look.ts';
import type { Act, Known, Wait } from './step.ts';
import { writeLedger } from './write-ledger.ts';

/** What an attempt without a Job needs before it can have one. */
export async function lookForStart(look: Look): Promise<Act | Wait> {
  const { deps, pass, open } = look;
  if (open.cancelled === true) return bury(look, 'Cancelled');
  const notBefore = new Date(open.notBeforeMs);
  // A time further off was written by an instance with a wrong clock.
  const waitMs = notBefore.getTime() - pass.now.getTime();
  if (waitMs > 0 && waitMs <= MAX_BACKOFF_SEC * 1000) {
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
    check: async () => {
      await deps.preflight(job, pass.call);
      // A quota, a webhook or a right may stand in the way: only the API server knows.
      await deps.cluster.createJob(job, { ...pass.call, dryRun: true });
    },
  };
}

function isAlive(pod: V1Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

async function createAttempt({ deps, pass, known }: Look, job: V1Job): Promise<Known | 'conflict'> {
  await deps.preflight(job, pass.call);
  const created = await deps.cluster.createJob(job, pass.call);
  // Another instance's, or the echo of ours: the next look reads whose it is.
  if (created === 'exists') return known;
  return writeLedger(deps, pass, known, noteCreated(known.ledger, created));
}
