import { hasObjects } from '../storage/port.ts';
import type { RoundsDeps } from './deps.ts';
import type { OpenRound } from './ledger.ts';
import { outputFolder } from './attempt-job.ts';
import type { Act, ActName, Known, Pass } from './step.ts';

/** The label by which Kubernetes knows the pods of a Job. */
export const JOB_NAME = 'batch.kubernetes.io/job-name';

/** A look at the open round. */
export interface Look {
  readonly deps: RoundsDeps;
  readonly pass: Pass;
  readonly known: Known;
  readonly open: OpenRound;
}

/** An act on the open round; `reason` becomes a sentence. */
export function actOf({ open }: Look, act: ActName, reason: string, run: Act['run']): Act {
  return {
    kind: 'act',
    act,
    round: open.round,
    reason: `${reason[0]?.toUpperCase()}${reason.slice(1)}.`,
    run,
  };
}

/** Whether anything lies in the attempt's directory. */
export function hasOutput({ deps, pass, open }: Look): Promise<boolean> {
  return hasObjects(deps.store, outputFolder(open), pass.call);
}
