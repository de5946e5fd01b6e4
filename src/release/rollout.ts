import type { KubeObject } from '../cluster/release-port.ts';
import { AppError, DeadlineError } from '../errors.ts';
import type { ReleaseDeps, Site } from './deps.ts';
import type { DeploymentObject, ServiceObject } from './objects.ts';
import { deploymentOf, isDeployment, isEndpointSlice, isService, selectorText } from './objects.ts';
import type { DeploymentFacts, Seen, Trouble, Verdict } from './readiness.ts';
import { assessDeployment, assessService, newestPods } from './readiness.ts';

const FIRST_POLLS = 10;
const FIRST_POLL_MS = 500;
const POLL_MS = 2_000;
// An API server that restarts is not a failed rollout.
const MAX_LOST_LOOKS = 5;

/** An object of the release and how far it is. */
export interface ObjectReadiness {
  readonly kind: string;
  readonly name: string;
  readonly verdict: Verdict;
}

/** One look at everything that is waited for. */
export interface Look {
  readonly readiness: readonly ObjectReadiness[];
  readonly troubles: readonly Trouble[];
  readonly seen: Seen;
  readonly facts: readonly DeploymentFacts[];
}

export interface RolloutTarget {
  /** As the API server answered when they were applied, or as they are. */
  readonly objects: readonly KubeObject[];
}

export type RolloutEnd =
  | { readonly kind: 'ready'; readonly look: Look }
  | { readonly kind: 'failed'; readonly cause: string; readonly why: string; readonly look: Look };

const EMPTY: Look = { readiness: [], troubles: [], seen: new Map(), facts: [] };

/** Looks once at every Deployment and Service of the target. */
export async function lookAt(deps: ReleaseDeps, site: Site, target: RolloutTarget, seen: Seen): Promise<Look> {
  const { objects } = target;
  const [facts, services] = await Promise.all([
    Promise.all(objects.filter(isDeployment).map((one) => lookAtDeployment(deps, site, one))),
    Promise.all(objects.filter(isService).map((one) => lookAtService(deps, site, one, objects))),
  ]);
  const nowMs = deps.launch.now().getTime();
  const names = objects.filter(isDeployment).map(({ metadata }) => metadata.name);
  const assessed = facts.map((one, index) => ({ name: names[index] ?? '', ...assessDeployment(one, seen, nowMs) }));
  return {
    readiness: [...services, ...assessed.map(({ name, verdict }) => ({ kind: 'Deployment', name, verdict }))],
    troubles: assessed.flatMap(({ troubles }) => troubles),
    seen: new Map(assessed.flatMap((one) => [...one.seen])),
    facts,
  };
}

async function lookAtDeployment(deps: ReleaseDeps, site: Site, wanted: DeploymentObject): Promise<DeploymentFacts> {
  const { cluster } = deps;
  const { namespace, signal } = site;
  const { apiVersion, kind, metadata } = wanted;
  const selector = selectorText(wanted.spec.selector.matchLabels ?? {});
  const [found, replicaSets, pods] = await Promise.all([
    cluster.getObject({ apiVersion, kind, namespace, name: metadata.name }, { signal }),
    cluster.listObjects({ apiVersion, kind: 'ReplicaSet', namespace }, selector, { signal }),
    cluster.listPods(namespace, selector, { signal }),
  ]);
  const deployment = found !== null && isDeployment(found) ? found : null;
  const stall = stallOf(deployment);
  const hadStalled = stall !== null && stall === stallOf(wanted);
  return { deployment, generation: metadata.generation ?? 0, replicaSets, pods, hadStalled };
}

/**
 * What identifies a stalled rollout: the condition's text names the ReplicaSet. The Deployment controller keeps the
 * condition of the rollout before until the next one makes progress or is complete, also under the new
 * observedGeneration (kubernetes `pkg/controller/deployment/progress.go`, `syncRolloutStatus`): a condition that was
 * there when the object was applied says nothing of what was applied.
 */
function stallOf(object: KubeObject | null): string | null {
  if (object === null || !isDeployment(object)) return null;
  const stall = object.status?.conditions?.find(({ reason }) => reason === 'ProgressDeadlineExceeded');
  return stall === undefined ? null : `${String(stall.lastTransitionTime)} ${stall.message ?? ''}`;
}

async function lookAtService(
  deps: ReleaseDeps,
  site: Site,
  wanted: ServiceObject,
  objects: readonly KubeObject[],
): Promise<ObjectReadiness> {
  const { cluster } = deps;
  const { namespace, signal } = site;
  const { apiVersion, kind } = wanted;
  const { name } = wanted.metadata;
  const slicesKind = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', namespace };
  const [found, slices] = await Promise.all([
    cluster.getObject({ apiVersion, kind, namespace, name }, { signal }),
    cluster.listObjects(slicesKind, `kubernetes.io/service-name=${name}`, { signal }),
  ]);
  const replicas = deploymentOf(wanted, objects)?.spec.replicas ?? 1;
  const service = found !== null && isService(found) ? found : null;
  return { kind, name, verdict: assessService(service, slices.filter(isEndpointSlice), replicas) };
}

/**
 * Waits until everything is ready, something has failed, or `waitSec` have passed: one deadline for all. `between` is
 * called before every look; what it throws ends the wait.
 */
export async function awaitRollout(
  deps: ReleaseDeps,
  site: Site,
  target: RolloutTarget,
  options: { readonly waitSec: number; readonly between: () => Promise<void> },
): Promise<RolloutEnd> {
  const endsAtMs = deps.launch.now().getTime() + options.waitSec * 1_000;
  let look = EMPTY;
  let lost = 0;
  for (let polls = 0; ; polls += 1) {
    await options.between();
    try {
      look = await lookAt(deps, site, target, look.seen);
      lost = 0;
    } catch (error) {
      lost += 1;
      if (!(error instanceof AppError) || !error.retryable || lost >= MAX_LOST_LOOKS || site.signal.aborted)
        throw error;
    }
    const end = lost > 0 ? null : endOf(look);
    if (end !== null) return end;
    if (deps.launch.now().getTime() >= endsAtMs) return timedOut(look, options.waitSec);
    if (site.signal.aborted) throw new DeadlineError('The request’s time ran out while the rollout was waited for.');
    await deps.launch.wait(polls < FIRST_POLLS ? FIRST_POLL_MS : POLL_MS, site.signal);
  }
}

function endOf(look: Look): RolloutEnd | null {
  for (const { verdict } of look.readiness) {
    if (verdict.kind === 'failed') return { kind: 'failed', cause: verdict.cause, why: verdict.why, look };
  }
  return look.readiness.every(({ verdict }) => verdict.kind === 'ready') ? { kind: 'ready', look } : null;
}

function timedOut(look: Look, waitSec: number): RolloutEnd {
  const waiting = look.readiness.flatMap(({ verdict }) => (verdict.kind === 'waiting' ? [verdict.why] : []));
  return { kind: 'failed', cause: 'timed-out', why: `Not ready after ${waitSec} s: ${waiting.join('; ')}`, look };
}

/** The pods of the present templates that are not ready, for evidence. */
export function unreadyPods(look: Look) {
  return look.facts.flatMap((facts) =>
    newestPods(facts).filter(
      (pod) => !(pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
    ),
  );
}
