import type { V1Job } from '@kubernetes/client-node';
import type { Cluster, Jobs } from '../cluster/port.ts';
import { AppError, ContentionError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { Allowances } from '../jobs/allowed.ts';
import { allowanceIssues } from '../jobs/allowed.ts';
import { ensureJob } from '../jobs/ensure-job.ts';
import { assertSecrets, requiredSecrets } from '../jobs/secrets.ts';
import { joinGsUri, parseGsUri } from '../storage/uri.ts';
import type { CheckpointList } from './checkpoint-list.ts';
import { CheckpointListError, SupersededListError, checkCheckpointList } from './checkpoint-list.ts';
import type { RunRecord } from './record.ts';
import { isFinal, isJobOf, jobOf, withJob, withStep } from './record.ts';
import { takeSlot } from './schedule-slot.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';

/** For this long after a claim, other calls leave the run to the call that claimed it. */
export const CLAIMANT_MS = 3_000;

export interface LaunchDeps extends StateDeps {
  readonly cluster: Cluster;
  readonly allowed: Allowances;
  readonly now: () => Date;
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** A run after {@link finishRun}. */
export interface FinishedRun {
  readonly stored: StoredRun;
  /** Whether this call created the Job. */
  readonly created: boolean;
}

/**
 * The checks before anything is written: configuration's allowances, then the checkpoint list and every Secret and key
 * at once. Throws InvalidRequestError or PreflightError, and what the ports throw; a faulty list is reported first.
 */
export async function checkRun(
  deps: LaunchDeps,
  record: Pick<RunRecord, 'spec' | 'jobName' | 'checkSecrets' | 'listGeneration'>,
  signal?: AbortSignal,
): Promise<CheckpointList> {
  const podSpec = jobOf(record).spec?.template.spec;
  const issues = allowanceIssues(
    deps.allowed,
    record.spec,
    podSpec,
    record.checkSecrets.map(({ namespace }) => namespace),
  );
  if (issues.length > 0) {
    throw new InvalidRequestError(
      `Configuration does not allow this: ${issues.map((issue) => issue.message).join('; ')}.`,
      issues,
    );
  }
  const required = requiredSecrets(record.spec.namespace, podSpec === undefined ? [] : [podSpec], record.checkSecrets);
  const [list, secrets] = await Promise.allSettled([
    checkCheckpointList(deps.store, record.spec.checkpointsFilePath, deps.allowed, {
      signal,
      generation: record.listGeneration,
    }),
    assertSecrets(deps.cluster, required, signal),
  ]);
  if (list.status === 'rejected') throw list.reason;
  if (secrets.status === 'rejected') throw secrets.reason;
  return list.value;
}

/**
 * Carries a claimed run on to its Job: the schedule's slot, the checks (unless the caller has just made them), the
 * create, the record. Every caller may repeat it at any time. An error is thrown, and kept in the
 * record as `why`.
 */
export async function finishRun(
  deps: LaunchDeps,
  claim: StoredRun,
  options: {
    readonly checked: boolean;
    /** When the claim was read before this call; its last step by default. */
    readonly lastLookAt?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<FinishedRun> {
  const { record } = claim;
  async function unchanged(change: (newest: RunRecord) => RunRecord): Promise<FinishedRun> {
    return {
      stored: await updateRun(deps, claim, change),
      created: false,
    };
  }
  const lastLookAt = options.lastLookAt ?? record.steps.at(-1)?.at ?? record.claimedAt;
  if (await ranBefore(deps, record, lastLookAt)) return unchanged((newest) => gone(newest, deps.now()));
  const blockers = await takeSlot(
    deps,
    record,
    async (id) => {
      await cancelRun(
        deps,
        id,
        `replaced by run "${record.aggregationId}" (concurrencyPolicy Replace)`,
        options.signal,
      );
    },
    options.signal,
  );
  const [blocker] = blockers;
  if (blocker !== undefined) {
    const why = `concurrencyPolicy Forbid: run "${blocker.aggregationId}" of schedule "${record.schedule?.name}" is not over (${blocker.why}).`;
    return unchanged((newest) => closed(newest, 'skipped', why, deps.now()));
  }
  if (options.checked) return createOrAdopt(deps, claim, options.signal);
  try {
    const checked = await noting(deps, claim, () => checkRun(deps, record, options.signal));
    return await createOrAdopt(deps, { ...claim, record: { ...record, list: checked } }, options.signal);
  } catch (error) {
    if (!(error instanceof CheckpointListError) || record.listGeneration === undefined) throw error;
    // The run belongs to that generation of the list, which cannot change: there is nothing to wait for.
    if (error instanceof SupersededListError)
      return unchanged((newest) => closed(newest, 'skipped', error.message, deps.now()));
    await updateRun(deps, claim, (newest) => closed(newest, 'failed', error.message, deps.now()));
    throw error;
  }
}

/**
 * Whether the Job of an old claim has already run: no call read it for longer than the Job's time to live, there
 * is no Job under the name, and there is output. Such a run must not run again. Without output it failed or never ran.
 */
async function ranBefore(deps: LaunchDeps, record: RunRecord, lastLookAt: string): Promise<boolean> {
  const ageMs = deps.now().getTime() - Date.parse(lastLookAt);
  if (ageMs <= record.spec.ttlSecondsAfterFinished * 1000) return false;
  if ((await deps.cluster.getJob(record.spec.namespace, record.jobName)) !== null) return false;
  return hasOutputSince(deps, record);
}

/** Whether there is output younger than the claim: older output belongs to another run. */
async function hasOutputSince(deps: LaunchDeps, { spec, claimedAt }: RunRecord): Promise<boolean> {
  const { bucket, name: prefix } = joinGsUri(parseGsUri(spec.outputPath), '');
  let pageToken: string | undefined;
  do {
    const page = await deps.store.list({ bucket, prefix, ...(pageToken !== undefined && { pageToken }) });
    if (page.objects.some(({ timeCreated }) => Date.parse(timeCreated) >= Date.parse(claimedAt))) return true;
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return false;
}

function gone(record: RunRecord, now: Date): RunRecord {
  const why = 'Its Job no longer exists and its end was not recorded; there is output under its output path.';
  return withStep({ ...record, state: 'gone', why, finishedAt: now.toISOString() }, now, 'Job gone');
}

/** The run ends without a Job. */
function closed(record: RunRecord, state: 'skipped' | 'failed', why: string, now: Date): RunRecord {
  return record.state === 'claimed' || record.state === 'refused'
    ? withStep({ ...record, state, why, finishedAt: now.toISOString() }, now, state)
    : record;
}

async function createOrAdopt(deps: LaunchDeps, claim: StoredRun, signal?: AbortSignal): Promise<FinishedRun> {
  const newest = await newestClaim(deps, claim, signal);
  if (newest.record.state !== 'claimed' && newest.record.state !== 'refused') return { stored: newest, created: false };
  const ensured = await noting(deps, newest, () => ensureJob(deps, jobOf(claim.record), signal));
  if (ensured.kind === 'refused') {
    const { message } = ensured.error;
    await updateRun(deps, newest, (record) =>
      record.state === 'claimed' ? { ...record, state: 'refused', why: message } : record,
    );
    throw ensured.error;
  }
  const { job } = ensured;
  const { list } = claim.record;
  const stored = await updateRun(deps, newest, (record) =>
    isJobOf(record, job) ? withJob(record, job, deps.now(), list) : record,
  );
  // Cancelled between claim and create: the Job that was created is deleted again.
  if (stored.record.state === 'cancelled') return { stored: await deleteLeftJob(deps, stored, signal), created: false };
  if (ensured.kind === 'adopted') return { stored, created: false };
  return { stored, created: await keepOrDelete(deps, stored, job, signal) };
}

/**
 * The claim as it is before the create. Until {@link CLAIMANT_MS} after the claim only the claimant works on the run; later
 * another call may have created the Job, which may even have ended and been deleted.
 */
async function newestClaim(deps: LaunchDeps, claim: StoredRun, signal?: AbortSignal): Promise<StoredRun> {
  const { record } = claim;
  if (deps.now().getTime() - Date.parse(record.claimedAt) <= CLAIMANT_MS) return claim;
  const newest = await readRun(deps, record.aggregationId, signal === undefined ? {} : { signal });
  if (newest !== null && newest.record.claimedAt === record.claimedAt) return newest;
  throw new ContentionError(`Run "${record.aggregationId}" was claimed anew at the same time; repeat the call.`);
}

/**
 * Whether the Job that this call created is the run's. If the run has another Job on record, or ended without one, the
 * new Job is deleted: without this a call that was held up would run the aggregation twice.
 */
async function keepOrDelete(
  deps: LaunchDeps,
  { record }: StoredRun,
  job: V1Job,
  signal?: AbortSignal,
): Promise<boolean> {
  const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
  if (record.job?.uid === uid) return true;
  await deps.cluster.deleteJob(namespace, name, { uid, ...(signal !== undefined && { signal }) });
  return false;
}

/** Runs `work`; an error of ours is kept in the claim as its `why` before it is thrown on. */
async function noting<T>(deps: LaunchDeps, claim: StoredRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) await updateRun(deps, claim, (newest) => noted(newest, error));
    throw error;
  }
}

// `why` also records that the caller got the error: the sweep leaves such an `http` run to its caller.
function noted(record: RunRecord, error: AppError): RunRecord {
  return record.state === 'claimed' && record.why !== error.message ? { ...record, why: error.message } : record;
}

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
 * Cancels a run: first in the record, so that a concurrent create sees it, then the Job and its pods. A finished run
 * keeps its result, and its Job is deleted. Safe to repeat. Throws NotFoundError for an unknown run.
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
