import type { V1Pod } from '@kubernetes/client-node';
import type { KubeObject } from '../cluster/release-port.ts';
import { AppError, DeadlineError } from '../errors.ts';
import {
  assessDeployment,
  assessService,
  deploymentOf,
  isDeployment,
  isEndpointSlice,
  isService,
  newestPods,
  selectorText,
} from './readiness.ts';
import type { DeploymentFacts, DeploymentObject, Seen, ServiceObject, Trouble, Verdict } from './readiness.ts';
import { reportChanges } from './progress.ts';
import type { ReleaseDeps, Site } from './request.ts';

const FIRST_POLLS = 10;
const FIRST_POLL_MS = 500;
const POLL_MS = 2_000;
// Tolerated in a row: a restart of the API server is not a failed rollout.
const MAX_LOST_READS = 5;

/** The readiness of one object. */
export interface ObjectReadiness {
  readonly kind: string;
  readonly name: string;
  readonly verdict: Verdict;
}

/** The state of all Deployments and Services of a release at one moment. */
export interface Observation {
  readonly readiness: readonly ObjectReadiness[];
  readonly troubles: readonly Trouble[];
  readonly seen: Seen;
  readonly facts: readonly DeploymentFacts[];
}

export type RolloutEnd =
  | { readonly kind: 'ready'; readonly observation: Observation }
  | { readonly kind: 'failed'; readonly cause: string; readonly why: string; readonly observation: Observation };

const EMPTY: Observation = { readiness: [], troubles: [], seen: new Map(), facts: [] };

/**
 * Reads the state of every Deployment and Service among `objects` once. `objects` are as the API server answered the
 * apply, or as they are stored in a revision.
 */
export async function observe(
  deps: ReleaseDeps,
  site: Site,
  objects: readonly KubeObject[],
  seen: Seen,
): Promise<Observation> {
  const [facts, services] = await Promise.all([
    Promise.all(objects.filter(isDeployment).map((one) => observeDeployment(deps, site, one))),
    Promise.all(objects.filter(isService).map((one) => observeService(deps, site, one, objects))),
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

async function observeDeployment(deps: ReleaseDeps, site: Site, wanted: DeploymentObject): Promise<DeploymentFacts> {
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
 * Identifies a stalled rollout by time and message, which names the ReplicaSet. The Deployment controller keeps the
 * condition of the previous rollout until the next one makes progress or completes, even under the new
 * observedGeneration (kubernetes `pkg/controller/deployment/progress.go`, `syncRolloutStatus`). A condition that existed
 * at the time of the apply therefore does not count against what was applied.
 */
function stallOf(object: KubeObject | null): string | null {
  if (object === null || !isDeployment(object)) return null;
  const stall = object.status?.conditions?.find(({ reason }) => reason === 'ProgressDeadlineExceeded');
  return stall === undefined ? null : `${String(stall.lastTransitionTime)} ${stall.message ?? ''}`;
}

async function observeService(
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
 * Waits until all objects are ready, one has failed, or `waitSec` seconds have passed. The reason names `timeoutSec`, of
 * which earlier steps may have used a part. `between` is called before every
 * observation; an error that it throws ends the wait.
 */
export async function awaitRollout(
  deps: ReleaseDeps,
  site: Site,
  objects: readonly KubeObject[],
  options: { readonly waitSec: number; readonly timeoutSec?: number; readonly between: () => Promise<void> },
): Promise<RolloutEnd> {
  const endsAtMs = deps.launch.now().getTime() + options.waitSec * 1_000;
  let observation = EMPTY;
  let lost = 0;
  for (let polls = 0; ; polls += 1) {
    await options.between();
    try {
      const now = await observe(deps, site, objects, observation.seen);
      reportChanges(site.report, observation, now);
      observation = now;
      lost = 0;
    } catch (error) {
      lost += 1;
      if (!(error instanceof AppError) || !error.retryable || lost >= MAX_LOST_READS || site.signal.aborted)
        throw error;
    }
    const end = lost > 0 ? null : endOf(observation);
    if (end !== null) return end;
    if (deps.launch.now().getTime() >= endsAtMs) return timedOut(observation, options.timeoutSec ?? options.waitSec);
    if (site.signal.aborted) throw new DeadlineError('The request’s deadline passed during the rollout.');
    await deps.launch.wait(polls < FIRST_POLLS ? FIRST_POLL_MS : POLL_MS, site.signal);
  }
}

function endOf(observation: Observation): RolloutEnd | null {
  for (const { verdict } of observation.readiness) {
    if (verdict.kind === 'failed') return { kind: 'failed', cause: verdict.cause, why: verdict.why, observation };
  }
  return observation.readiness.every(({ verdict }) => verdict.kind === 'ready') ? { kind: 'ready', observation } : null;
}

function timedOut(observation: Observation, waitSec: number): RolloutEnd {
  const waiting = observation.readiness.flatMap(({ verdict }) => (verdict.kind === 'waiting' ? [verdict.why] : []));
  return {
    kind: 'failed',
    cause: 'timed-out',
    why: `Not ready after ${waitSec} s: ${waiting.join('; ')}`,
    observation,
  };
}

/** The pods of the current templates that are not ready. */
export function unreadyPods(observation: Observation) {
  return observation.facts.flatMap((facts) =>
    newestPods(facts).filter(
      (pod) => !(pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
    ),
  );
}

const LOG_LINES = 20;
/** Further pods of one template fail in the same way. */
const MAX_PODS = 6;
const REPORTED_EVENTS: ReadonlySet<string> = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedScheduling',
  'Unhealthy',
  'BackOff',
  'Failed',
]);

/** Why a release failed: the essence of `kubectl describe pod` and `kubectl logs`. */
export interface Evidence extends Trouble {
  /** The last lines of the container's log, of the previous container if it has ended. */
  readonly log?: string;
  /** The latest events of the pod. */
  readonly events?: readonly string[];
}

/** The problems of the pods that are not ready, with events and logs. Errors of the ports are ignored. */
export async function collectEvidence(deps: ReleaseDeps, site: Site, observation: Observation): Promise<Evidence[]> {
  const pods = unreadyPods(observation);
  function isTroubled({ metadata }: V1Pod): boolean {
    return observation.troubles.some(({ pod }) => pod === metadata?.name);
  }
  const reported = [...pods.filter(isTroubled), ...pods.filter((pod) => !isTroubled(pod))].slice(0, MAX_PODS);
  const evidence = await Promise.all(
    reported.map((pod) =>
      collectOf(
        deps,
        site,
        pod,
        observation.troubles.filter((trouble) => trouble.pod === pod.metadata?.name),
      ),
    ),
  );
  return evidence.flat();
}

async function collectOf(deps: ReleaseDeps, site: Site, pod: V1Pod, troubles: readonly Trouble[]): Promise<Evidence[]> {
  const events = await eventsOf(deps, site, pod);
  const found = troubles.length > 0 ? troubles : [plainTrouble(pod)];
  return Promise.all(
    found.map(async (trouble) => {
      const { container } = trouble;
      const isBetweenRuns = trouble.reason === 'CrashLoopBackOff';
      const hasEnded = isBetweenRuns || (troubles.length === 0 && trouble.exitCode !== undefined);
      const log =
        container === undefined || !hasRun(trouble) ? null : await logOf(deps, site, trouble.pod, container, hasEnded);
      return {
        ...trouble,
        ...(log !== null && log !== '' && { log }),
        ...(events.length > 0 && { events }),
      };
    }),
  );
}

async function eventsOf(deps: ReleaseDeps, site: Site, pod: V1Pod): Promise<string[]> {
  const { name = '', uid } = pod.metadata ?? {};
  const involved = { kind: 'Pod', name, ...(uid !== undefined && { uid }) };
  const events = await orNothing(deps.cluster.listEvents(site.namespace, involved, { signal: site.signal }));
  const relevant = (events ?? []).filter(({ reason }) => REPORTED_EVENTS.has(reason ?? ''));
  return relevant.slice(-5).map(({ reason, message }) => `${reason}: ${message}`);
}

/** Evidence is collected as far as possible: an unreadable log must not hide the reason. */
async function orNothing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

function plainTrouble(pod: V1Pod): Trouble {
  const container = mainContainer(pod);
  const status = (pod.status?.containerStatuses ?? [])[0];
  const waiting = status?.state?.waiting;
  const isRunning = status?.state?.running !== undefined;
  const ended = status?.lastState?.terminated;
  // The container runs between two crashes; report the last crash rather than that it is not ready.
  if (isRunning && ended !== undefined && ended.exitCode !== 0) {
    return {
      pod: pod.metadata?.name ?? '',
      ...(container !== undefined && { container }),
      reason: ended.reason ?? 'Error',
      message: ended.message ?? 'the container ended and was restarted',
      exitCode: ended.exitCode,
      restarts: status?.restartCount ?? 0,
    };
  }
  return {
    pod: pod.metadata?.name ?? '',
    ...(container !== undefined && { container }),
    reason: waiting?.reason ?? (isRunning ? 'NotReady' : (pod.status?.phase ?? 'Pending')),
    ...(waiting?.message !== undefined && { message: waiting.message }),
    ...(isRunning && { message: 'the container runs and its readiness probe fails' }),
    ...(status !== undefined && { restarts: status.restartCount }),
  };
}

function mainContainer(pod: V1Pod): string | undefined {
  return pod.spec?.containers[0]?.name;
}

function hasRun({ exitCode, restarts = 0, reason }: Trouble): boolean {
  return exitCode !== undefined || restarts > 0 || reason === 'NotReady';
}

async function logOf(
  deps: ReleaseDeps,
  site: Site,
  pod: string,
  container: string,
  hasEnded: boolean,
): Promise<string | null> {
  const { namespace, signal } = site;
  function read(previous: boolean) {
    return orNothing(deps.cluster.podLog(namespace, pod, { container, tailLines: LOG_LINES, previous, signal }));
  }
  const log = await read(hasEnded);
  return log === null || log === '' ? (hasEnded ? read(false) : log) : log;
}
