import type { Jobs } from '../cluster/port.ts';
import { NotFoundError } from '../errors.ts';
import type { RunRecord } from './record.ts';
import { isFinal, isJobLeft, isJobOf, withStep } from './record.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';

export interface CancelDeps extends StateDeps {
  readonly cluster: Pick<Jobs, 'getJob' | 'deleteJob'>;
  readonly now: () => Date;
}

// No request lives longer. An instance that claimed a run may create its Job after the cancellation and be killed.
const CREATOR_MS = 3_600_000;

/**
 * Cancels a run: first in the record, so that a concurrent create sees it, then the Job and its pods. A finished run
 * keeps its result, and its Job is deleted. Safe to repeat. Throws NotFoundError for an unknown run.
 */
export async function cancelRun(deps: CancelDeps, id: string, why: string, signal?: AbortSignal): Promise<StoredRun> {
  const stored = await readRun(deps, id, { signal });
  if (stored === null) throw new NotFoundError(`There is no run "${id}".`);
  const after = await updateRun(deps, stored, (record) =>
    isFinal(record.state)
      ? record
      : withStep({ ...record, state: 'cancelled', why, finishedAt: deps.now().toISOString() }, deps.now(), 'cancelled'),
  );
  return (await deleteLeftJob(deps, after, signal)).stored;
}

/** Deletes the Job of a run that is over, with its pods, and records that. Safe to repeat. */
export async function deleteLeftJob(
  deps: CancelDeps,
  stored: StoredRun,
  signal?: AbortSignal,
): Promise<{ readonly stored: StoredRun; readonly deleted: boolean }> {
  const { spec, jobName } = stored.record;
  const job = await deps.cluster.getJob(spec.namespace, jobName, { signal });
  const isOurs = job !== null && isJobOf(stored.record, job);
  const uid = job?.metadata?.uid;
  if (isOurs) await deps.cluster.deleteJob(spec.namespace, jobName, { signal, ...(uid !== undefined && { uid }) });
  const after = await updateRun(deps, stored, (record) => jobDeleted(record, isOurs, deps.now()));
  return { stored: after, deleted: isOurs };
}

/** Until the creating instance cannot live any more, a Job that does not exist yet may still appear. */
function jobDeleted(record: RunRecord, deleted: boolean, now: Date): RunRecord {
  const mayAppear = record.createdAt === undefined && now.getTime() - Date.parse(record.finishedAt ?? '') < CREATOR_MS;
  return !isJobLeft(record) || (mayAppear && !deleted)
    ? record
    : withStep({ ...record, jobDeletedAt: now.toISOString() }, now, 'Job deleted');
}
