import { AppError } from '../errors.ts';
import { diffsOf, objectAnswers, takenOf } from './answer.ts';
import type { ReleaseAnswer, Timings } from './answer.ts';
import type { AppliedObject } from './apply.ts';
import { applyObjects } from './apply.ts';
import { begin, commit, noteApplied, recordFailure, recordFound } from './commit.ts';
import type { Begun } from './commit.ts';
import type { Session } from './deps.ts';
import type { Desired } from './desired.ts';
import { buildDesired } from './desired.ts';
import type { ObjectDiff } from './diff.ts';
import { diffObject } from './diff.ts';
import { BusyError, ReleaseFailedError } from './errors.ts';
import { collectEvidence } from './evidence.ts';
import type { Evidence } from './evidence.ts';
import { checkHealth, HEALTH_TRIES, healthWarnings } from './health.ts';
import type { Health } from './health.ts';
import { currentOf, noteRevision } from './history.ts';
import type { ReleaseState } from './history.ts';
import { dropNotes, planObjects } from './plan.ts';
import type { PlannedObject } from './plan.ts';
import { foreignObjects, helmNotes, readLive } from './preflight.ts';
import { leftovers } from './prune.ts';
import { tellTrouble } from './readiness.ts';
import type { Revision } from './records.ts';
import { itemOf } from './records.ts';
import { recover } from './recover.ts';
import type { DeployRequest } from './request.ts';
import { restore } from './rollback.ts';
import type { Restored } from './rollback.ts';
import { awaitRollout, lookAt } from './rollout.ts';
import type { Look } from './rollout.ts';

/** What one call has learned so far; what it answers is built from this. */
interface Work {
  readonly session: Session;
  readonly request: DeployRequest;
  readonly timings: Timings;
  readonly desired: Desired;
  readonly plan: readonly PlannedObject[];
  /** After recovery and, of an adoption, after what was found is on record. */
  readonly state: ReleaseState;
  readonly notes: readonly string[];
  readonly isAdoption: boolean;
}

/** A deploy that has to be undone, with what is known of why. */
interface Failure {
  readonly reason: string;
  readonly look?: Look;
  readonly health: readonly Health[];
}

type Attempted =
  | {
      readonly kind: 'ready';
      readonly begun: Begun;
      readonly applied: readonly AppliedObject[];
      readonly look: Look;
      readonly health: readonly Health[];
    }
  | { readonly kind: 'failed'; readonly begun: Begun; readonly failure: Failure };

const RESTORE_TRIES = 3;
const RESTORE_PAUSE_MS = 2_000;

interface Undone {
  readonly outcome: 'failed' | 'rolled-back' | 'rollback-failed';
  readonly rollback?: NonNullable<ReleaseAnswer['rollback']>;
  readonly told: string;
  readonly inventory: Begun['pointer']['inventory'];
  readonly taken: Begun['taken'];
}

/**
 * Steps 5 to 11 of a deploy, under the Lease: recover, dry run, record, apply, wait, prune, commit, or roll back.
 * Throws ReleaseFailedError with the evidence once the rollback is done.
 */
export async function runRelease(session: Session, request: DeployRequest, timings: Timings): Promise<ReleaseAnswer> {
  const { deps, release } = session;
  const { state } = await timings.step('recoverMs', () => recover(session));
  const desired = buildDesired(request, state, { now: deps.launch.now(), allowed: deps.launch.allowed });
  const live = await readLive(deps, session, desired.objects);
  const foreign = foreignObjects(live, release, request.adopt);
  const plan = await timings.step('dryRunMs', () =>
    planObjects(deps, session, desired.objects, live, desired.takeover),
  );
  const notes = [...helmNotes(foreign, release), ...dropNotes(plan)];
  const work = { session, request, timings, desired, plan, state, notes, isAdoption: foreign.length > 0 };
  const look = await lookIfUnchanged(work);
  if (look !== null) return unchangedAnswer(work, look);
  if (foreign.length === 0) return carryOut(work, live);
  const recorded = await recordFound(session, state, foreign, request.requestedBy);
  return carryOut({ ...work, state: recorded }, live);
}

/** The same objects, applied and ready, with nothing left of another revision: then there is nothing to do. */
async function lookIfUnchanged({ session, desired, plan, state }: Work): Promise<Look | null> {
  const current = currentOf(state);
  const isSame =
    current?.hash === desired.hash &&
    plan.every(({ action }) => action === 'unchanged') &&
    leftovers(
      state.pointer?.inventory ?? [],
      desired.objects.map((object) => itemOf(object, session.namespace)),
    ).length === 0;
  if (!isSame) return null;
  const objects = plan.map(({ live, result }) => live ?? result);
  const look = await lookAt(session.deps, session, { objects }, new Map());
  return look.readiness.every(({ verdict }) => verdict.kind === 'ready') ? look : null;
}

async function unchangedAnswer(work: Work, look: Look): Promise<ReleaseAnswer> {
  const { session, plan, desired, state } = work;
  const objects = plan.map(({ live, result }) => live ?? result);
  const health = await checkHealth(session.deps, session, objects);
  const unwell = health
    .filter(({ status }) => status === 'NOT_SERVING')
    .map(({ service, message }) => `Service ${service} is not serving: ${message ?? ''}`);
  return {
    outcome: 'unchanged',
    revision: state.pointer?.current ?? null,
    objects: objectAnswers(plan, [], look),
    warnings: [...desired.warnings, ...healthWarnings(health), ...unwell],
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

async function carryOut(work: Work, live: Awaited<ReturnType<typeof readLive>>): Promise<ReleaseAnswer> {
  const { session, request, desired, plan, state, timings } = work;
  const begun = await timings.step('recordMs', () =>
    begin(session, state, desired, live, {
      requestedBy: request.requestedBy,
      taken: plan.flatMap(({ taken }) => taken),
    }),
  );
  const attempted = await tryRollOut(work, begun);
  if (attempted.kind === 'failed') return fail(work, attempted.begun, attempted.failure);
  const { pruned, warnings } = await timings.step('commitMs', () => commit(session, attempted.begun));
  return {
    outcome: 'deployed',
    revision: begun.revision,
    objects: objectAnswers(plan, pruned, attempted.look),
    warnings: [
      ...desired.warnings,
      ...warnings,
      ...changeWarnings(work, attempted),
      ...healthWarnings(attempted.health),
    ],
    health: attempted.health,
    ...takenOf(attempted.begun.taken),
    ...baseAnswer(work),
    diff: doneDiffs(attempted.applied),
  };
}

async function tryRollOut(work: Work, begun: Begun): Promise<Attempted> {
  try {
    return await rollOut(work, begun);
  } catch (error) {
    if (mustStop(work.session, error) || !(error instanceof AppError)) throw error;
    return { kind: 'failed', begun, failure: { reason: error.message, health: [] } };
  }
}

async function rollOut(work: Work, begun: Begun): Promise<Attempted> {
  const { session, request, timings, plan } = work;
  const applied = await timings.step('applyMs', () => applyObjects(session, plan));
  const noted = await noteApplied(session, begun, applied);
  const target = { objects: applied.map(({ object }) => object) };
  const wait = { waitSec: request.waitSec, between: session.ensureLock };
  const end = await timings.step('waitMs', () => awaitRollout(session.deps, session, target, wait));
  if (end.kind === 'failed') {
    return { kind: 'failed', begun: noted, failure: { reason: end.why, look: end.look, health: [] } };
  }
  const health = await timings.step('healthMs', () =>
    checkHealth(session.deps, session, target.objects, { tries: HEALTH_TRIES, between: session.ensureLock }),
  );
  const unwell = health.find(({ status }) => status === 'NOT_SERVING');
  if (unwell === undefined) return { kind: 'ready', begun: noted, applied, look: end.look, health };
  const reason = `Service ${unwell.service} is not serving: ${unwell.message ?? ''}`;
  return { kind: 'failed', begun: noted, failure: { reason, look: end.look, health } };
}

/** Whether the run has to stop as it stands: the Lease or the time is gone, and the next call carries on. */
function mustStop(session: Session, error: unknown): boolean {
  return !(error instanceof AppError) || error instanceof BusyError || session.signal.aborted;
}

/** Evidence first, then the rollback, then the records; always throws what is answered. */
async function fail(work: Work, begun: Begun, failure: Failure): Promise<never> {
  const { session, timings, desired, plan } = work;
  const { look, health } = failure;
  const evidence: Evidence[] = await timings.step('evidenceMs', async () =>
    look === undefined ? [] : collectEvidence(session.deps, session, look),
  );
  const reason = withPod(failure.reason, evidence);
  // For the case that this call is ended meanwhile; what hinders it must not hinder the rollback.
  await noteRevision(session, begun.revision, { reason, evidence }).catch((error: unknown) => {
    if (!(error instanceof AppError)) throw error;
  });
  const { outcome, rollback, told, inventory, taken: wonBack } = await undo(work, begun);
  const taken = [...begun.taken, ...wonBack];
  const both = outcome === 'rollback-failed' ? `${sentence(reason)} ${told}` : reason;
  await recordFailure(session, begun, { reason: both, evidence, taken, inventory });
  const answer: ReleaseAnswer = {
    outcome,
    revision: begun.pointer.current,
    failedRevision: begun.revision,
    objects: objectAnswers(plan, [], look),
    warnings: desired.warnings,
    health,
    reason,
    evidence,
    ...(rollback !== undefined && { rollback }),
    ...takenOf(taken),
    ...baseAnswer(work),
  };
  const where = `Release ${session.namespace}/${session.release}, revision ${begun.revision}`;
  throw new ReleaseFailedError(outcome, `${where}: ${sentence(reason)} ${told}`, { details: { ...answer } });
}

/** A Deployment's condition tells that time ran out, and a pod why: whoever reads one line must read both. */
function withPod(reason: string, [first]: readonly Evidence[]): string {
  return first === undefined || reason.includes(first.pod)
    ? reason
    : `${sentence(reason)} P${tellTrouble(first).slice(1)}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text.trimEnd()) ? text.trimEnd() : `${text.trimEnd()}.`;
}

async function undo(work: Work, begun: Begun): Promise<Undone> {
  const { request, state, timings } = work;
  const { inventory } = begun.pointer;
  if (request.onFailure === 'keep') {
    return { outcome: 'failed', told: 'It was kept as it is (onFailure=keep).', inventory, taken: [] };
  }
  const target = currentOf(state);
  const to = target?.revision ?? null;
  const restored = await timings.step('rollbackMs', () => tryRestore(work, begun, target));
  if (restored.kind === 'failed') {
    const { reason, evidence } = restored;
    const told = `The rollback to ${to === null ? 'nothing' : `revision ${to}`} failed too: ${reason}`;
    return { outcome: 'rollback-failed', rollback: { to, reason, evidence }, told, inventory, taken: [] };
  }
  const told = to === null ? 'What it had made was removed.' : `Revision ${to} runs again.`;
  const { items, taken } = restored;
  return { outcome: 'rolled-back', rollback: { to }, told, inventory: [...items], taken };
}

/** Every step of a rollback may be done again: what may pass does not end it. */
async function tryRestore(work: Work, begun: Begun, target: Revision | undefined): Promise<Restored> {
  const { session, request, isAdoption } = work;
  const options = { waitSec: request.waitSec, adopt: isAdoption || target?.rendererVersion === 'found' };
  for (let tries = 1; ; tries += 1) {
    try {
      return await restore(session, target, begun.pointer.inventory, options);
    } catch (error) {
      if (mustStop(session, error) || !(error instanceof AppError)) throw error;
      if (!error.retryable || tries >= RESTORE_TRIES) return { kind: 'failed', reason: error.message, evidence: [] };
      await session.deps.launch.wait(RESTORE_PAUSE_MS, session.signal);
    }
  }
}

/** Deployments whose spec has another generation than the one that was applied. */
function changeWarnings({ session }: Work, { applied, look }: Extract<Attempted, { kind: 'ready' }>): string[] {
  return look.facts.flatMap(({ deployment }) => {
    const name = deployment?.metadata.name;
    const ours = applied.find(({ object }) => object.kind === 'Deployment' && object.metadata.name === name);
    if (deployment?.metadata.generation === ours?.object.metadata.generation) return [];
    return [
      `Deployment ${name} was changed by another client during the rollout; GET /${session.release}/diff shows how it differs from the revision.`,
    ];
  });
}

/** What was changed. Of an adoption no dry run knew it: fields of helm's went as well. */
function doneDiffs(applied: readonly AppliedObject[]): ObjectDiff[] {
  return applied.flatMap(
    ({ object, planned }) => (planned.adopts ? diffObject(planned.live, object) : planned.diff) ?? [],
  );
}
