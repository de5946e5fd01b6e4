import type { V1Job } from '@kubernetes/client-node';
import type { Cluster } from '../cluster/port.ts';
import { AppError, ConflictError, ContentionError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Allowances } from '../jobs/allowed.ts';
import { allowanceIssues, assertAllowed } from '../jobs/allowed.ts';
import { ensureJob } from '../jobs/ensure-job.ts';
import { assertSecrets, requiredSecrets } from '../jobs/secrets.ts';
import { listObjects } from '../storage/port.ts';
import { joinGsUri, parseGsUri } from '../storage/uri.ts';
import type { CheckpointList } from './checkpoint-list.ts';
import { CheckpointListError, SupersededListError, checkCheckpointList } from './checkpoint-list.ts';
import type { RunRecord } from './record.ts';
import { isJobOf, jobOf, withJob, withStep } from './record.ts';
import { cancelRun, deleteLeftJob } from './cancel.ts';
import type { OutputObstacle } from './output-claim.ts';
import { claimOutput, stateIssues } from './output-claim.ts';
import { logTrouble } from './status.ts';
import type { ActiveRun } from './schedule-slot.ts';
import { takeSlot } from './schedule-slot.ts';
import type { StateDeps, StoredRun } from './store.ts';
import { readRun, updateRun } from './store.ts';

/** For this long after a claim, other calls leave the run to the call that claimed it. */
export const CLAIMANT_MS = 3_000;

export interface LaunchDeps extends StateDeps {
  readonly cluster: Cluster;
  readonly allowed: Allowances;
  readonly now: () => Date;
  readonly log: Log;
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

// A run that has not created its Job by then has a problem.
const OLD_CLAIM_MS = 10 * 60_000;

/** A run after {@link finishRun}. */
export interface FinishedRun {
  readonly stored: StoredRun;
  /** Whether this call created the Job. */
  readonly created: boolean;
}

/**
 * The checks before anything is written: configuration's allowances, then the checkpoint list and every Secret and key
 * at once. Throws ForbiddenError, InvalidRequestError or PreflightError, and what the ports throw; a faulty list is reported first.
 */
export async function checkRun(
  deps: LaunchDeps,
  record: Pick<RunRecord, 'spec' | 'jobName' | 'checkSecrets' | 'listGeneration'>,
  signal?: AbortSignal,
): Promise<CheckpointList> {
  const podSpec = jobOf(record).spec?.template.spec;
  const namespaces = record.checkSecrets.map(({ namespace }) => namespace);
  assertAllowed([
    ...allowanceIssues(deps.allowed, record.spec, podSpec, namespaces),
    ...stateIssues(deps, record.spec.outputPath),
  ]);
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
 * Continues a claimed run up to its Job: the schedule's slot, the checks (unless the caller has just made them), the
 * claim of the output directory, the create, the record. Every caller may repeat it at any time. An error is thrown, and
 * kept in the record as `why`.
 */
export async function finishRun(
  deps: LaunchDeps,
  claim: StoredRun,
  options: {
    readonly checked: boolean;
    /** When the claim was read before this call; its last step by default. */
    readonly lastReadAt?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<FinishedRun> {
  const { record } = claim;
  const { signal } = options;
  const lastReadAt = options.lastReadAt ?? record.steps.at(-1)?.at ?? record.claimedAt;
  if (await ranBefore(deps, record, lastReadAt)) {
    const why = 'Its Job no longer exists and its end was not recorded; there is output under its output path.';
    return close(deps, claim, 'gone', why);
  }
  const [blocker] = await takeSlot(
    deps,
    record,
    async (id) => {
      await cancelRun(deps, id, `replaced by run "${record.aggregationId}" (concurrencyPolicy Replace)`, signal);
    },
    signal,
  );
  if (blocker !== undefined) return skip(deps, claim, blocker);
  let { list } = record;
  try {
    if (!options.checked) list = await noting(deps, claim, () => checkRun(deps, record, signal));
  } catch (error) {
    if (!(error instanceof CheckpointListError) || record.listGeneration === undefined) throw error;
    // The run belongs to that generation of the list, which cannot change: there is nothing to wait for.
    if (error instanceof SupersededListError) return close(deps, claim, 'skipped', error.message);
    await close(deps, claim, 'failed', error.message);
    throw error;
  }
  const obstacle = await noting(deps, claim, () => claimOutput(deps, record, { signal }));
  if (obstacle !== null) return giveWay(deps, claim, obstacle);
  return createOrAdopt(deps, { ...claim, record: { ...record, ...(list !== undefined && { list }) } }, signal);
}

/** Ends the run without a Job. */
async function close(
  deps: LaunchDeps,
  claim: StoredRun,
  state: 'skipped' | 'failed' | 'gone' | 'refused',
  why: string,
): Promise<FinishedRun> {
  const now = deps.now();
  const stored = await updateRun(deps, claim, (record) => {
    if (record.state !== 'claimed' && record.state !== 'refused') return record;
    // A refused run is not over: its id may be claimed anew.
    if (state === 'refused') return { ...record, state, why };
    const step = state === 'gone' ? 'Job gone' : state;
    return withStep({ ...record, state, why, finishedAt: now.toISOString() }, now, step);
  });
  return { stored, created: false };
}

async function skip(deps: LaunchDeps, claim: StoredRun, blocker: ActiveRun): Promise<FinishedRun> {
  const { record } = claim;
  const why = `concurrencyPolicy Forbid: run "${blocker.aggregationId}" of schedule "${record.schedule?.name}" is not over (${blocker.why}).`;
  const isOld = Date.parse(blocker.claimedAt ?? 'none') < deps.now().getTime() - OLD_CLAIM_MS;
  // A Job ends by its deadline; a claim without a Job can make the schedule skip tick after tick.
  if (isOld) logTrouble(deps.log, record, 'held-up', `skipped. ${why} That claim is from ${blocker.claimedAt}.`);
  return close(deps, claim, 'skipped', why);
}

/** Another run has the output directory: a caller gets an error, a run without a caller waits until that run is over. */
async function giveWay(deps: LaunchDeps, claim: StoredRun, obstacle: OutputObstacle): Promise<FinishedRun> {
  const { record } = claim;
  if (record.trigger !== 'http' && obstacle.kind === 'active') {
    const stored = await updateRun(deps, claim, (newest) => noted(newest, `It waits: ${obstacle.why}`));
    return { stored, created: false };
  }
  await close(deps, claim, record.trigger === 'http' ? 'refused' : 'failed', obstacle.why);
  if (record.trigger !== 'http') logTrouble(deps.log, record, 'failed', obstacle.why);
  throw outputConflict(record, obstacle);
}

/** The error of a call whose output directory another run has. */
export function outputConflict({ spec }: Pick<RunRecord, 'spec'>, { why, holder }: OutputObstacle): ConflictError {
  return new ConflictError(why, {
    details: { outputPath: spec.outputPath, ...(holder !== undefined && { heldBy: holder }) },
  });
}

/**
 * Whether the Job of an old claim has already run: no call read it for longer than the Job's time to live, there
 * is no Job under the name, and there is output. Such a run must not run again. Without output it failed or never ran.
 */
async function ranBefore(deps: LaunchDeps, record: RunRecord, lastReadAt: string): Promise<boolean> {
  const ageMs = deps.now().getTime() - Date.parse(lastReadAt);
  if (ageMs <= record.spec.ttlSecondsAfterFinished * 1000) return false;
  if ((await deps.cluster.getJob(record.spec.namespace, record.jobName)) !== null) return false;
  return hasOutputSince(deps, record);
}

/** Whether there is output younger than the claim: older output belongs to another run. */
async function hasOutputSince(deps: LaunchDeps, { spec, claimedAt }: RunRecord): Promise<boolean> {
  for await (const { timeCreated } of listObjects(deps.store, joinGsUri(parseGsUri(spec.outputPath), '')))
    if (Date.parse(timeCreated) >= Date.parse(claimedAt)) return true;
  return false;
}

async function createOrAdopt(deps: LaunchDeps, claim: StoredRun, signal?: AbortSignal): Promise<FinishedRun> {
  const newest = await newestClaim(deps, claim, signal);
  if (newest.record.state !== 'claimed' && newest.record.state !== 'refused') return { stored: newest, created: false };
  const ensured = await noting(deps, newest, () => ensureJob(deps, jobOf(claim.record), signal));
  if (ensured.kind === 'refused') {
    await close(deps, newest, 'refused', ensured.error.message);
    throw ensured.error;
  }
  const { job } = ensured;
  const { list } = claim.record;
  const stored = await updateRun(deps, newest, (record) =>
    isJobOf(record, job) ? withJob(record, job, deps.now(), list) : record,
  );
  // Cancelled between claim and create: the Job that was created is deleted again.
  if (stored.record.state === 'cancelled') {
    return { stored: (await deleteLeftJob(deps, stored, signal)).stored, created: false };
  }
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
  const newest = await readRun(deps, record.aggregationId, { signal });
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
  await deps.cluster.deleteJob(namespace, name, { uid, signal });
  return false;
}

/** Runs `work`; an error of ours is kept in the claim as its `why` before it is thrown on. */
async function noting<T>(deps: LaunchDeps, claim: StoredRun, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) await updateRun(deps, claim, (newest) => noted(newest, error.message));
    throw error;
  }
}

// `why` also records that the caller got the error: the sweep leaves such an `http` run to its caller.
function noted(record: RunRecord, why: string): RunRecord {
  return record.state === 'claimed' && record.why !== why ? { ...record, why } : record;
}
