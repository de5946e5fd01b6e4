import { AppError } from '../errors.ts';
import { diffsOf, objectAnswers, takenOf } from './answer.ts';
import type { ReleaseAnswer, Timings } from './answer.ts';
import { applyObjects, dropNotes, planObjects, readLive } from './apply.ts';
import type { AppliedObject, LiveObjects, PlannedObject } from './apply.ts';
import { begin, commit, noteApplied, recordFailure, recordFound, recover } from './commit.ts';
import type { Begun } from './commit.ts';
import type { Desired } from './desired.ts';
import { buildDesired } from './desired.ts';
import type { ObjectDiff } from './diff.ts';
import { diffObject } from './diff.ts';
import { CancelledError, ReleaseFailedError } from './errors.ts';
import { checkHealth, HEALTH_TRIES, healthWarnings } from './health.ts';
import type { Health } from './health.ts';
import { currentOf, noteRevision } from './history.ts';
import type { ReleaseState } from './history.ts';
import { foreignObjects, helmNotes } from './preflight.ts';
import { reportHealth } from './progress.ts';
import { describeTrouble } from './readiness.ts';
import { itemOf, leftovers } from './records.ts';
import type { FailedEnd } from './records.ts';
import { LEAST_WAIT_SEC } from './request.ts';
import type { DeployRequest, Session } from './request.ts';
import { mustStop, restore } from './rollback.ts';
import { retryPassing } from './transient.ts';
import { awaitRollout, collectEvidence, observe } from './rollout.ts';
import type { Evidence, Observation } from './rollout.ts';

/** What one call has determined so far; its answer is built from this. */
interface Work {
  readonly session: Session;
  readonly request: DeployRequest;
  /** When the wait for transient failures and for readiness ends. */
  readonly endsAtMs: number;
  readonly timings: Timings;
  readonly desired: Desired;
  readonly plan: readonly PlannedObject[];
  /** After recovery and, for an adoption, after the objects found were recorded. */
  readonly state: ReleaseState;
  readonly notes: readonly string[];
  readonly isAdoption: boolean;
}

type RolledOut =
  | {
      readonly kind: 'ready';
      readonly begun: Begun;
      readonly applied: readonly AppliedObject[];
      readonly observation: Observation;
      readonly health: readonly Health[];
    }
  | { readonly kind: 'failed'; readonly begun: Begun; readonly failure: Failure };

interface Failure {
  readonly reason: string;
  /** The last one; absent when the apply failed. */
  readonly observation?: Observation;
  readonly health: readonly Health[];
}

interface Undone {
  readonly outcome: FailedEnd;
  readonly rollback?: NonNullable<ReleaseAnswer['rollback']>;
  readonly summary: string;
  readonly inventory: Begun['pointer']['inventory'];
  readonly taken: Begun['taken'];
}

/**
 * The part of a deploy that runs under the Lease: recover, dry run, record, apply, wait, prune, commit, or roll back.
 * Throws ReleaseFailedError with the evidence after the rollback.
 */
export async function runRelease(session: Session, request: DeployRequest, timings: Timings): Promise<ReleaseAnswer> {
  const { deps, release } = session;
  const { state } = await timings.step('recoverMs', () => recover(session));
  const desired = buildDesired(request, state, { now: deps.launch.now(), allowed: deps.launch.allowed });
  const live = await readLive(deps, session, desired.objects);
  const foreign = foreignObjects(live, release, { adopt: request.adopt, pointer: state.pointer });
  const endsAtMs = deps.launch.now().getTime() + request.waitSec * 1_000;
  const plan = await timings.step('dryRunMs', () =>
    retryPassing(session, endsAtMs, () => planObjects(deps, session, desired.objects, live, desired.takeover)),
  );
  const notes = [...helmNotes(foreign, release), ...dropNotes(plan)];
  const work = { session, request, endsAtMs, timings, desired, plan, state, notes, isAdoption: foreign.length > 0 };
  const observation = await observeUnchanged(work);
  if (observation !== null) return unchangedAnswer(work, observation);
  if (foreign.length === 0) return carryOut(work, live);
  const recorded = await recordFound(session, state, foreign, request.requestedBy);
  return carryOut({ ...work, state: recorded }, live);
}

/** An observation when there is nothing to do: the objects are unchanged and ready, and nothing is left to prune. */
async function observeUnchanged({ session, desired, plan, state }: Work): Promise<Observation | null> {
  const items = desired.objects.map((object) => itemOf(object, session.namespace));
  const isSame =
    currentOf(state)?.hash === desired.hash &&
    plan.every(({ action }) => action === 'unchanged') &&
    leftovers(state.pointer?.inventory ?? [], items).length === 0;
  if (!isSame) return null;
  const objects = plan.map(({ live, result }) => live ?? result);
  const observation = await observe(session.deps, session, objects, new Map());
  return observation.readiness.every(({ verdict }) => verdict.kind === 'ready') ? observation : null;
}

async function unchangedAnswer(work: Work, observation: Observation): Promise<ReleaseAnswer> {
  const { session, plan, desired, state } = work;
  const objects = plan.map(({ live, result }) => live ?? result);
  const health = await checkHealth(session.deps, session, objects);
  const unhealthy = health
    .filter(({ status }) => status === 'NOT_SERVING')
    .map(({ service, message }) => `Service ${service} is not serving: ${message ?? ''}`);
  return {
    outcome: 'unchanged',
    revision: state.pointer?.current ?? null,
    objects: objectAnswers(plan, [], observation),
    warnings: [...desired.warnings, ...healthWarnings(health), ...unhealthy],
    health,
    ...baseAnswer(work),
  };
}

function baseAnswer({ session, timings, desired, plan, notes }: Work) {
  return {
    release: session.release,
    namespace: session.namespace,
    diff: diffsOf(plan),
    notes: [...desired.notes, ...notes],
    timings: timings.all(),
  };
}

async function carryOut(work: Work, live: LiveObjects): Promise<ReleaseAnswer> {
  const { session, request, desired, plan, state, timings } = work;
  const taken = plan.flatMap((planned) => planned.taken);
  const begun = await timings.step('recordMs', () =>
    begin(session, state, desired, live, { requestedBy: request.requestedBy, taken }),
  );
  const { revision } = begun;
  session.report?.({
    event: 'recorded',
    message: `Revision ${revision} (${desired.description}) is recorded as pending`,
  });
  const done = await rollOut(work, begun);
  if (done.kind === 'failed') return fail(work, done.begun, done.failure);
  const { pruned, warnings } = await timings.step('commitMs', () => commit(session, done.begun));
  session.report?.({ event: 'committed', message: `Revision ${revision} is deployed` });
  return {
    outcome: 'deployed',
    revision,
    objects: objectAnswers(plan, pruned, done.observation),
    warnings: [...desired.warnings, ...warnings, ...changeWarnings(work, done), ...healthWarnings(done.health)],
    health: done.health,
    ...takenOf(done.begun.taken),
    ...baseAnswer(work),
    diff: appliedDiffs(done.applied),
  };
}

async function rollOut(work: Work, begun: Begun): Promise<RolledOut> {
  try {
    return await applyAndWait(work, begun);
  } catch (error) {
    if (mustStop(work.session, error) || !(error instanceof AppError)) throw error;
    return { kind: 'failed', begun, failure: { reason: error.message, health: [] } };
  }
}

async function applyAndWait(work: Work, before: Begun): Promise<RolledOut> {
  const { session, endsAtMs, timings, plan } = work;
  const applied = await timings.step('applyMs', () =>
    retryPassing(session, endsAtMs, () => applyObjects(session, plan)),
  );
  const begun = await noteApplied(session, before, applied);
  const objects = applied.map(({ object }) => object);
  const waitSec = Math.max(LEAST_WAIT_SEC, Math.ceil((endsAtMs - session.deps.launch.now().getTime()) / 1_000));
  const wait = { waitSec, timeoutSec: work.request.waitSec, between: session.ensureLock };
  const end = await timings.step('waitMs', () => awaitRollout(session.deps, session, objects, wait));
  const { observation } = end;
  if (end.kind === 'failed') return { kind: 'failed', begun, failure: { reason: end.why, observation, health: [] } };
  const health = await timings.step('healthMs', () =>
    checkHealth(session.deps, session, objects, { tries: HEALTH_TRIES, between: session.ensureLock }),
  );
  reportHealth(session.report, health);
  const unhealthy = health.find(({ status }) => status === 'NOT_SERVING');
  if (unhealthy === undefined) return { kind: 'ready', begun, applied, observation, health };
  const reason = `Service ${unhealthy.service} is not serving: ${unhealthy.message ?? ''}`;
  return { kind: 'failed', begun, failure: { reason, observation, health } };
}

/** Deployments whose spec has another generation than the one that was applied. */
function changeWarnings({ session }: Work, { applied, observation }: Extract<RolledOut, { kind: 'ready' }>): string[] {
  return observation.facts.flatMap(({ deployment }) => {
    const name = deployment?.metadata.name;
    const ours = applied.find(({ object }) => object.kind === 'Deployment' && object.metadata.name === name);
    if (deployment?.metadata.generation === ours?.object.metadata.generation) return [];
    return [
      `Deployment ${name} was changed by another client during the rollout; GET /${session.release}/diff shows how it differs from the revision.`,
    ];
  });
}

/** What was changed. The dry run of an adoption does not show the fields that only helm had set; the result does. */
function appliedDiffs(applied: readonly AppliedObject[]): ObjectDiff[] {
  return applied.flatMap(
    ({ object, planned }) => (planned.adopts ? diffObject(planned.live, object) : planned.diff) ?? [],
  );
}

/** Collects the evidence, rolls back, records the failure, and throws it. */
async function fail(work: Work, begun: Begun, { reason: cause, observation, health }: Failure): Promise<never> {
  const { session, timings, desired, plan } = work;
  const evidence: Evidence[] = await timings.step('evidenceMs', async () =>
    observation === undefined ? [] : collectEvidence(session.deps, session, observation),
  );
  const reason = withPod(cause, evidence);
  session.report?.({ event: 'failed', message: sentence(reason) });
  // Recorded before the rollback in case the call is killed during it; an error here must not prevent the rollback.
  await noteRevision(session, begun.revision, { reason, evidence }).catch((error: unknown) => {
    if (!(error instanceof AppError) || error instanceof CancelledError) throw error;
  });
  const { outcome, rollback, summary, inventory, taken: wonBack } = await undo(work, begun);
  const taken = [...begun.taken, ...wonBack];
  const recorded = outcome === 'rollback-failed' ? `${sentence(reason)} ${summary}` : reason;
  await recordFailure(session, begun, { outcome, reason: recorded, evidence, taken, inventory });
  const answer: ReleaseAnswer = {
    outcome,
    revision: begun.pointer.current,
    failedRevision: begun.revision,
    objects: objectAnswers(plan, [], observation),
    warnings: desired.warnings,
    health,
    reason,
    evidence,
    ...(rollback !== undefined && { rollback }),
    ...takenOf(taken),
    ...baseAnswer(work),
  };
  const where = `Release ${session.namespace}/${session.release}, revision ${begun.revision}`;
  throw new ReleaseFailedError(outcome, `${where}: ${sentence(reason)} ${summary}`, { details: { ...answer } });
}

/** The reason with its first pod: a Deployment's condition reports that time ran out, only a pod reports why. */
function withPod(reason: string, [first]: readonly Evidence[]): string {
  return first === undefined || reason.includes(first.pod)
    ? reason
    : `${sentence(reason)} P${describeTrouble(first).slice(1)}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text.trimEnd()) ? text.trimEnd() : `${text.trimEnd()}.`;
}

async function undo({ session, request, state, timings, isAdoption }: Work, begun: Begun): Promise<Undone> {
  const { inventory } = begun.pointer;
  if (request.onFailure === 'keep') {
    return { outcome: 'failed', summary: 'The objects were kept (onFailure=keep).', inventory, taken: [] };
  }
  const target = currentOf(state);
  const to = target?.revision ?? null;
  const what = to === null ? 'Deleting the objects that it has created' : `Restoring revision ${to}`;
  session.report?.({ event: 'rolling-back', message: what });
  const options = { waitSec: request.waitSec, adopt: isAdoption || target?.rendererVersion === 'found' };
  const restored = await timings.step('rollbackMs', () => restore(session, target, inventory, options));
  if (restored.kind === 'failed') {
    const { reason, evidence } = restored;
    const summary = `The rollback to ${to === null ? 'nothing' : `revision ${to}`} failed too: ${reason}`;
    return { outcome: 'rollback-failed', rollback: { to, reason, evidence }, summary, inventory, taken: [] };
  }
  const summary = to === null ? 'The objects that it had created were deleted.' : `Revision ${to} runs again.`;
  const { items, taken } = restored;
  return { outcome: 'rolled-back', rollback: { to }, summary, inventory: [...items], taken };
}
