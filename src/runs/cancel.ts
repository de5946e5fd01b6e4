import type { Jobs } from '../cluster/port.ts';
import { NotFoundError } from '../errors.ts';
import type { RunRecord } from './record.ts';
import { isFinal, withStep } from './record.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';

export interface CancelDeps extends StateDeps {
  readonly cluster: Pick<Jobs, 'deleteJob'>;
  readonly now: () => Date;
}

/** Deletes the Job of a cancelled run with its pods and records that. Safe to call again. */
export async function deleteLeftJob(deps: CancelDeps, stored: StoredRun, signal?: AbortSignal): Promise<StoredRun> {
  const { spec, jobName } = stored.record;
  await deps.cluster.deleteJob(spec.namespace, jobName, signal === undefined ? {} : { signal });
  return updateRun(deps, stored, (record) => jobDeleted(record, deps.now()));
}

function jobDeleted(record: RunRecord, now: Date): RunRecord {
  return record.state !== 'cancelled' || record.jobDeletedAt !== undefined
    ? record
    : withStep({ ...record, jobDeletedAt: now.toISOString() }, now, 'Job deleted');
}

/**
 * Cancels a run: first on record, so that whoever is about to create its Job sees it, then the Job and its pods. A run
 * that is over keeps its end, its Job is removed. Safe to call again. Throws NotFoundError for an unknown run.
 */
export async function cancelRun(deps: CancelDeps, id: string, why: string, signal?: AbortSignal): Promise<StoredRun> {
  const stored = await readRun(deps, id, signal === undefined ? {} : { signal });
  if (stored === null) throw new NotFoundError(`There is no run "${id}".`);
  const after = await updateRun(deps, stored, (record) => cancelled(record, why, deps.now()));
  return deleteLeftJob(deps, after, signal);
}

function cancelled(record: RunRecord, why: string, now: Date): RunRecord {
  return isFinal(record.state)
    ? record
    : withStep({ ...record, state: 'cancelled', why, finishedAt: now.toISOString() }, now, 'cancelled');
}
