import type { LaunchOutcome } from './answer.ts';
import { ConflictError, ContentionError, UpstreamError } from '../errors.ts';
import type { FinishedRun, LaunchDeps } from './finish.ts';
import { CLAIMANT_MS, checkRun, finishRun, outputConflict } from './finish.ts';
import { outputObstacle } from './output-claim.ts';
import { buildJobName } from '../jobs/names.ts';
import type { CheckpointList } from './checkpoint-list.ts';
import type { RunRequest } from './request.ts';
import { RUN_SCHEMA_VERSION, jobOf, withStep } from './record.ts';
import type { RunRecord } from './record.ts';
import type { StoredRun } from './store.ts';
import { readRun, writeRun } from './store.ts';
import { canonicalJson, specConflicts } from '../jobs/spec.ts';

const POLL_MS = 250;

export interface LaunchOptions {
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one aggregation: checks, claim, Job, record. The claim `runs/<aggregationId>.json` is created only if absent,
 * so of any number of equal calls (at once, later, from another trigger) one creates and the others answer `exists`.
 *
 * For `http`, everything is checked before anything is written. A run of a schedule or an upload is claimed first: its
 * caller does not read the answer, and the sweep finishes the claim.
 *
 * Throws InvalidRequestError, PreflightError, ConflictError (another specification under the id, another run in the
 * output directory), and what the ports throw; after any of these the same call again is safe and resumes the run.
 */
export async function launch(deps: LaunchDeps, request: RunRequest, options: LaunchOptions): Promise<LaunchOutcome> {
  const { signal } = options;
  const fresh = buildRecord(request, deps.now());
  const claimFirst = request.trigger !== 'http';
  const [read, check] = await Promise.allSettled([
    readRun(deps, fresh.aggregationId, { signal }),
    claimFirst || options.dryRun ? undefined : checkAll(deps, fresh, signal),
  ]);
  if (read.status === 'rejected') throw read.reason;
  const existing = read.value;
  if (options.dryRun) {
    if (existing !== null && existing.record.state !== 'refused') assertSameSpec(existing.record, request);
    return dryRun(deps, request, existing, signal);
  }
  if (existing !== null && !isReplaceable(existing)) return resume(deps, request, existing, options);
  if (check.status === 'rejected') throw check.reason;
  const record = check.value === undefined ? fresh : { ...fresh, list: check.value };
  const claimed = await claim(deps, record, existing);
  if (claimed !== 'conflict') {
    return outcomeOf(request, await finishRun(deps, claimed, { checked: !claimFirst, signal }), true);
  }
  const winner = await readRun(deps, fresh.aggregationId);
  if (winner === null)
    throw new ContentionError(
      `Run "${fresh.aggregationId}" was claimed and removed at the same time; repeat the call.`,
    );
  if (winner.record.state === 'refused')
    throw new UpstreamError(winner.record.why ?? 'The API server refused the Job.');
  return resume(deps, request, winner, options);
}

function buildRecord(request: RunRequest, now: Date): RunRecord {
  const base: RunRecord = {
    schemaVersion: RUN_SCHEMA_VERSION,
    aggregationId: request.spec.aggregationId,
    trigger: request.trigger,
    ...(request.requestedBy !== undefined && { requestedBy: request.requestedBy }),
    ...(request.schedule !== undefined && { schedule: request.schedule }),
    spec: request.spec,
    asked: { ...request.asked },
    checkSecrets: [...request.checkSecrets],
    ...(request.listGeneration !== undefined && { listGeneration: request.listGeneration }),
    jobName: buildJobName(request.spec.releaseName, request.spec.aggregationId),
    state: 'claimed',
    claimedAt: now.toISOString(),
    steps: [],
  };
  return withStep(base, now, 'claimed');
}

/** Everything that can be checked before the claim. */
async function checkAll(deps: LaunchDeps, record: RunRecord, signal?: AbortSignal): Promise<CheckpointList> {
  const list = await checkRun(deps, record, signal);
  const obstacle = await outputObstacle(deps, record, { signal });
  if (obstacle !== null) throw outputConflict(record, obstacle);
  return list;
}

async function dryRun(
  deps: LaunchDeps,
  request: RunRequest,
  existing: StoredRun | null,
  signal?: AbortSignal,
): Promise<LaunchOutcome> {
  if (existing !== null && existing.record.state !== 'refused') {
    return {
      outcome: 'dry-run',
      record: existing.record,
      warnings: [...request.warnings, `Run "${existing.record.aggregationId}" exists: the call would create nothing.`],
      manifest: jobOf(existing.record),
    };
  }
  const fresh = buildRecord(request, deps.now());
  const record = { ...fresh, list: await checkAll(deps, fresh, signal) };
  const manifest = await deps.cluster.createJob(jobOf(record), {
    dryRun: true,
    signal,
  });
  if (manifest === 'exists') {
    throw new ConflictError(
      `Job ${record.spec.namespace}/${record.jobName} already exists, and there is no record of a run with that id.`,
    );
  }
  return { outcome: 'dry-run', record, warnings: warningsOf(request, record), manifest };
}

function warningsOf(request: RunRequest, record: RunRecord): string[] {
  const wanted = `${record.spec.releaseName}-${record.aggregationId}`;
  const bundles = record.list?.bundles ?? 0;
  return [
    ...request.warnings,
    ...(record.jobName === wanted
      ? []
      : [`"${wanted}" is not a valid Job name in Kubernetes; the Job is called "${record.jobName}".`]),
    ...(bundles > 0 && record.spec.resourcePath === undefined
      ? [`${bundles} lines name bundles (.zip), which images of the aggregator's first interface cannot read.`]
      : []),
  ];
}

function assertSameSpec(existing: RunRecord, request: RunRequest): void {
  const conflicts = specConflicts(existing.spec, request.spec);
  // The same request at another minute fills {time} with another value and still names the same run.
  if (conflicts.length === 0 || canonicalJson(existing.asked) === canonicalJson(request.asked)) return;
  const fields = conflicts.map(({ field }) => field).join(', ');
  const message = `Run "${existing.aggregationId}" exists with another specification; it differs in: ${fields}. Choose another aggregationId, or send what was claimed.`;
  throw new ConflictError(message, { details: { aggregationId: existing.aggregationId, conflicts } });
}

function isReplaceable(existing: StoredRun | null): boolean {
  return existing === null || existing.record.state === 'refused';
}

/** Resumes a recorded run: does what is left of it. */
async function resume(
  deps: LaunchDeps,
  request: RunRequest,
  found: StoredRun,
  options: LaunchOptions,
): Promise<LaunchOutcome> {
  assertSameSpec(found.record, request);
  const existing = await awaitClaimant(deps, found, options.signal);
  const { record } = existing;
  if (record.state !== 'claimed' && record.state !== 'refused') {
    return { outcome: 'exists', record, warnings: warningsOf(request, record) };
  }
  return outcomeOf(request, await finishRun(deps, existing, { checked: false, signal: options.signal }), false);
}

/**
 * The newest record once it is no longer `claimed`, or after 3 s: while the caller that claimed it is at work, 50 equal
 * calls must not all create and record the same Job (Cloud Storage takes about one write a second of one object).
 */
async function awaitClaimant(deps: LaunchDeps, claimed: StoredRun, signal?: AbortSignal): Promise<StoredRun> {
  const isFresh = Math.abs(deps.now().getTime() - Date.parse(claimed.record.claimedAt)) < CLAIMANT_MS;
  let current = claimed;
  for (let waited = 0; isFresh && current.record.state === 'claimed' && waited < CLAIMANT_MS; waited += POLL_MS) {
    await deps.wait(POLL_MS, signal);
    current = (await readRun(deps, claimed.record.aggregationId, { signal })) ?? current;
  }
  return current;
}

function outcomeOf(request: RunRequest, { stored, created }: FinishedRun, isFirst: boolean): LaunchOutcome {
  const { record } = stored;
  const skipped = isFirst && record.state === 'skipped';
  const outcome = created ? 'created' : skipped ? 'skipped' : record.state === 'claimed' ? 'waiting' : 'exists';
  return { outcome, record, warnings: warningsOf(request, record) };
}

/** A refused run has no Job: the id may be claimed anew, with another specification. */
async function claim(deps: LaunchDeps, record: RunRecord, over: StoredRun | null): Promise<StoredRun | 'conflict'> {
  return writeRun(deps, record, over === null ? '0' : over.generation);
}
