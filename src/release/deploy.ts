import type { V1Job } from '@kubernetes/client-node';
import { AppError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { buildJob } from '../jobs/manifest.ts';
import { buildJobName } from '../jobs/names.ts';
import { buildLaunchAnswer } from '../runs/answer.ts';
import type { RunAnswer } from '../runs/answer.ts';
import { launch } from '../runs/launch.ts';
import type { RunRequest } from '../runs/request.ts';
import { createTimings, diffsOf, objectAnswers, takenOf } from './answer.ts';
import type { AggregationAnswer, ReleaseAnswer, Timings } from './answer.ts';
import { dropNotes, planObjects, readLive } from './apply.ts';
import { buildDesired } from './desired.ts';
import type { Desired } from './desired.ts';
import { diffObject } from './diff.ts';
import { recover } from './commit.ts';
import { InvalidReleaseError } from './errors.ts';
import type { CancelledError } from './errors.ts';
import { listPointers, readState, requireRelease } from './history.ts';
import type { ReleaseState } from './history.ts';
import { withLock } from './lock.ts';
import { foreignObjects, helmNotes, preflight } from './preflight.ts';
import type { PreflightInput } from './preflight.ts';
import { itemOf, leftovers } from './records.ts';
import type { DeployRequest, ReleaseDeps, Session, Site } from './request.ts';
import { runRelease } from './run.ts';
import { releaseIssues, validateRelease } from './validate.ts';

const NONE: ReleaseState = { pointer: null, revisions: [] };

/**
 * Installs, upgrades or rolls back a release (docs/releases.md). Returns the outcome `deployed`, `unchanged` or `dry-run`.
 * The same call can be repeated after any failure, and after a kill, and resumes the work.
 *
 * Throws InvalidReleaseError, PreflightError and ConflictError (busy, other owners, conflicting fields) before anything
 * was changed, ReleaseFailedError with the evidence after a rollback, and the errors of the ports.
 */
export async function deploy(deps: ReleaseDeps, request: DeployRequest, signal: AbortSignal): Promise<ReleaseAnswer> {
  const { release, namespace, dryRun, report } = request;
  const timings = createTimings(deps.launch.now);
  const site: Site = { release, namespace, signal, report };
  assertValid(deps, request);
  const state = dryRun === 'client' ? NONE : await readState(deps, site);
  if (request.source.kind === 'revision') requireRelease(state, site);
  const desired = buildDesired(request, state, { now: deps.launch.now(), allowed: deps.launch.allowed });
  if (dryRun === 'client') return clientAnswer(request, desired, timings);
  const { objects, checkSecrets, aggregation } = desired;
  const aggregator = aggregation === undefined ? undefined : aggregatorPod(aggregation);
  await timings.step('preflightMs', () => preflight(deps, site, { objects, checkSecrets, aggregator }));
  const checked = aggregation === undefined ? undefined : await checkAggregation(deps, aggregation, signal);
  const elsewhere = await elsewhereWarnings(deps, site, state);
  const wanted = { ...desired, warnings: [...desired.warnings, ...elsewhere] };
  const done = await carryOut(deps, site, request, { state, desired: wanted, timings });
  const answer = { ...done, warnings: [...new Set([...done.warnings, ...elsewhere])] };
  if (aggregation === undefined) return answer;
  if (dryRun === 'server') return checked === undefined ? answer : { ...answer, aggregation: checked };
  const launched = await launchAggregation(deps, aggregation, signal);
  const failed = launched.outcome === 'failed';
  const warnings = failed ? [...answer.warnings, 'The aggregation did not start; see aggregation.'] : answer.warnings;
  return { ...answer, warnings, aggregation: launched, timings: timings.all() };
}

/**
 * The objects of a deploy, without a call to the cluster: those of the release, and the Job of its aggregation. Throws
 * InvalidReleaseError.
 */
export function renderObjects(deps: ReleaseDeps, request: DeployRequest): unknown[] {
  assertValid(deps, request);
  const context = { now: deps.launch.now(), allowed: deps.launch.allowed };
  const { objects, aggregation } = buildDesired(request, NONE, context);
  return aggregation === undefined ? [...objects] : [...objects, jobOf(aggregation)];
}

function jobOf({ spec }: RunRequest): V1Job {
  return buildJob(spec, { name: buildJobName(spec.releaseName, spec.aggregationId) });
}

function assertValid(deps: ReleaseDeps, { source, release, namespace }: DeployRequest): void {
  const { allowed } = deps.launch;
  const issues: readonly Issue[] =
    source.kind === 'values' ? validateRelease(source.values, release, namespace, allowed) : releaseIssues({ release });
  if (issues.length > 0) throw new InvalidReleaseError(issues, { details: { outcome: 'invalid' } });
}

function clientAnswer(request: DeployRequest, desired: Desired, timings: Timings): ReleaseAnswer {
  return {
    outcome: 'dry-run',
    release: request.release,
    namespace: request.namespace,
    revision: null,
    objects: desired.objects.map(({ kind, metadata }) => ({ kind, name: metadata.name, action: 'created' })),
    diff: desired.objects.flatMap((object) => diffObject(null, object) ?? []),
    notes: desired.notes,
    warnings: desired.warnings,
    health: [],
    timings: timings.all(),
  };
}

/** Warns when the release exists in another namespace: it is another release, and keeps running. */
async function elsewhereWarnings(deps: ReleaseDeps, site: Site, state: ReleaseState): Promise<string[]> {
  const others = deps.launch.allowed.namespaces.filter((namespace) => namespace !== site.namespace);
  if (state.pointer !== null || others.length === 0) return [];
  const found = await Promise.all(
    others.map(async (namespace) => {
      const pointers = await listPointers(deps, namespace, site.signal);
      return pointers.some(({ release }) => release === site.release) ? [namespace] : [];
    }),
  );
  return found.flat().map((namespace) => {
    const remedy = `DELETE /${site.release}?namespace=${namespace} removes it`;
    return `Release "${site.release}" runs in namespace ${namespace} as well, and stays there: ${remedy}.`;
  });
}

async function carryOut(
  deps: ReleaseDeps,
  site: Site,
  request: DeployRequest,
  context: { readonly state: ReleaseState; readonly desired: Desired; readonly timings: Timings },
): Promise<ReleaseAnswer> {
  if (context.desired.objects.length === 0) return aggregateOnly(deps, site, context);
  if (request.dryRun === 'server') return serverDryRun(deps, site, request, context);
  const holder = { requestId: deps.newId(), requestedBy: request.requestedBy };
  return withLock(deps, site, holder, (session) => runRelease(session, request, context.timings), recordCancel);
}

async function recordCancel(session: Session, error: CancelledError): Promise<void> {
  await recover(session, error.message);
}

/** Values with an aggregation and no service create no revision. */
async function aggregateOnly(
  deps: ReleaseDeps,
  site: Site,
  context: { readonly state: ReleaseState; readonly desired: Desired; readonly timings: Timings },
): Promise<ReleaseAnswer> {
  const { state, desired, timings } = context;
  const owned = state.pointer?.inventory ?? [];
  if (owned.length > 0) {
    const message = `release no service, and release "${site.release}" runs ${owned.map(({ kind, name }) => `${kind} ${name}`).join(', ')}: DELETE it to uninstall them, or launch the aggregation by the function aggregate`;
    throw new InvalidReleaseError([{ path: '', message: `the values ${message}` }], {
      details: { outcome: 'invalid' },
    });
  }
  return {
    outcome: 'unchanged',
    release: site.release,
    namespace: site.namespace,
    revision: state.pointer?.current ?? null,
    objects: [],
    diff: [],
    notes: desired.notes,
    warnings: desired.warnings,
    health: [],
    timings: timings.all(),
  };
}

/** The effect of a deploy, from dry runs of the API server. */
async function serverDryRun(
  deps: ReleaseDeps,
  site: Site,
  request: DeployRequest,
  context: { readonly state: ReleaseState; readonly desired: Desired; readonly timings: Timings },
): Promise<ReleaseAnswer> {
  const { state, desired, timings } = context;
  const live = await readLive(deps, site, desired.objects);
  const foreign = foreignObjects(live, site.release, { adopt: request.adopt, pointer: state.pointer });
  const plan = await timings.step('dryRunMs', () => planObjects(deps, site, desired.objects, live, desired.takeover));
  const extra = leftovers(
    state.pointer?.inventory ?? [],
    desired.objects.map((object) => itemOf(object, site.namespace)),
  );
  const gone = await Promise.all(extra.map((item) => deps.cluster.getObject(item, { signal: site.signal })));
  return {
    outcome: 'dry-run',
    release: site.release,
    namespace: site.namespace,
    revision: state.pointer?.current ?? null,
    objects: objectAnswers(
      plan,
      extra.filter((_item, index) => gone[index] !== null),
    ),
    diff: [...diffsOf(plan), ...gone.flatMap((object) => (object === null ? [] : (diffObject(object, null) ?? [])))],
    ...takenOf(plan.flatMap(({ taken }) => taken)),
    notes: [...desired.notes, ...helmNotes(foreign, site.release), ...dropNotes(plan)],
    warnings: desired.warnings,
    health: [],
    timings: timings.all(),
  };
}

/** The differences between the current revision and the cluster. Throws NotFoundError. */
export async function driftOf(deps: ReleaseDeps, site: Site) {
  const state = await readState(deps, site);
  const pointer = requireRelease(state, site);
  const current = state.revisions.find(({ revision }) => revision === pointer.current);
  const objects = current?.objects ?? [];
  const live = await readLive(deps, site, objects);
  // Forced: a field of another manager is a difference here and not a conflict. Nothing is stored.
  const plan = await planObjects(deps, site, objects, live, { adopt: false, force: true });
  return { revision: pointer.current, diff: diffsOf(plan), objects: objectAnswers(plan) };
}

/** The pod of the aggregation, for the preflight. */
export function aggregatorPod(request: RunRequest): PreflightInput['aggregator'] {
  const podSpec = jobOf(request).spec?.template.spec;
  return podSpec === undefined ? undefined : { podSpec, namespace: request.spec.namespace };
}

/** A dry run of the launch: throws before the release is changed what the launch would throw afterwards. */
export async function checkAggregation(
  deps: ReleaseDeps,
  request: RunRequest,
  signal: AbortSignal,
): Promise<RunAnswer> {
  return buildLaunchAnswer(await launch(deps.launch, request, { dryRun: true, signal }));
}

/** Launches the aggregation. The release is deployed by now, so that an error is returned, not thrown. */
export async function launchAggregation(
  deps: ReleaseDeps,
  request: RunRequest,
  signal: AbortSignal,
): Promise<AggregationAnswer> {
  try {
    return buildLaunchAnswer(await launch(deps.launch, request, { dryRun: false, signal }));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { outcome: 'failed', code: error.code, detail: error.message };
  }
}
