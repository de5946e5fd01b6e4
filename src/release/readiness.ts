import type {
  V1ContainerStatus,
  V1DeploymentCondition,
  V1DeploymentSpec,
  V1DeploymentStatus,
  V1Pod,
  V1PodSpec,
  V1ReplicaSetCondition,
  V1ReplicaSetStatus,
  V1ServiceSpec,
  V1ServiceStatus,
} from '@kubernetes/client-node';
import type { KubeObject } from '../cluster/release-port.ts';

/** A Deployment with its ReplicaSets and pods at one moment. */
export interface DeploymentFacts {
  /** `null`: it was deleted. */
  readonly deployment: DeploymentObject | null;
  /** The generation after our apply. */
  readonly generation: number;
  /** May contain ReplicaSets of other Deployments. */
  readonly replicaSets: readonly KubeObject[];
  readonly pods: readonly V1Pod[];
  /** The condition ProgressDeadlineExceeded is older than our apply and does not count. */
  readonly hadStalled: boolean;
}

/** A problem of one container or pod. */
export interface Trouble {
  readonly pod: string;
  readonly container?: string;
  readonly reason: string;
  readonly message?: string;
  readonly exitCode?: number;
  readonly restarts?: number;
}

export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'failed'; readonly cause: string; readonly why: string };

/** When each problem was first observed, by pod, container and kind. */
export type Seen = ReadonlyMap<string, number>;

export interface Assessment {
  readonly verdict: Verdict;
  readonly troubles: readonly Trouble[];
  readonly seen: Seen;
}

interface Rule {
  readonly group: string;
  readonly afterMs: number;
  readonly restarts?: number;
}

const AT_ONCE: Rule = { group: 'image', afterMs: 0 };
const CONFIG: Rule = { group: 'config', afterMs: 20_000 };
// The reason alternates between ErrImagePull and ImagePullBackOff; both are one problem.
const PULL: Rule = { group: 'pull', afterMs: 45_000 };

/** When the reason of a waiting container is final. Other reasons are not: the wait goes on. */
const RULES: Readonly<Record<string, Rule>> = {
  InvalidImageName: AT_ONCE,
  ErrImageNeverPull: AT_ONCE,
  CreateContainerConfigError: CONFIG,
  CreateContainerError: CONFIG,
  RunContainerError: CONFIG,
  ErrImagePull: PULL,
  ImagePullBackOff: PULL,
  CrashLoopBackOff: { group: 'crash', afterMs: 0, restarts: 3 },
};

const REVISION = 'deployment.kubernetes.io/revision';

/** The ReplicaSet of the Deployment's current template; `undefined` until the controller has created it. */
export function newestReplicaSet(facts: DeploymentFacts): KubeObject | undefined {
  const { deployment, replicaSets } = facts;
  if (deployment === null || !isObserved(facts)) return undefined;
  const owned = replicaSets.filter(({ metadata }) =>
    (metadata.ownerReferences ?? []).some(({ uid }) => uid === deployment.metadata.uid),
  );
  return owned.find((set) => revisionOf(set) === revisionOf(deployment));
}

function isObserved({ deployment, generation }: DeploymentFacts): boolean {
  return (deployment?.status?.observedGeneration ?? 0) >= generation;
}

function revisionOf(object: KubeObject): number {
  return Number(object.metadata.annotations?.[REVISION] ?? 0);
}

/** The pods of the current template that are not being deleted. */
export function newestPods(facts: DeploymentFacts): V1Pod[] {
  const uid = newestReplicaSet(facts)?.metadata.uid;
  if (uid === undefined) return [];
  return facts.pods.filter(
    ({ metadata }) =>
      metadata?.deletionTimestamp === undefined && (metadata?.ownerReferences ?? []).some((owner) => owner.uid === uid),
  );
}

/** `pod p, container c: CrashLoopBackOff (exit code 1): message`. */
export function describeTrouble({ pod, container, reason, message, exitCode }: Trouble): string {
  const where = container === undefined ? `pod ${pod}` : `pod ${pod}, container ${container}`;
  const code = exitCode === undefined ? '' : ` (exit code ${exitCode})`;
  return `${where}: ${reason}${code}${message === undefined ? '' : `: ${message}`}`;
}

/**
 * Whether a rollout is complete, in progress or failed. Pass `seen` of the previous observation: the age of a problem
 * counts from its first observation, and starts again after it disappeared.
 */
export function assessDeployment(facts: DeploymentFacts, seen: Seen, nowMs: number): Assessment {
  const pods = newestPods(facts);
  const containers = pods.flatMap((pod) =>
    statusesOf(pod)
      .map((status) => troubleOf(pod, status))
      .filter((trouble) => trouble !== null),
  );
  const now = new Map(containers.map((trouble) => [keyOf(trouble), seen.get(keyOf(trouble)) ?? nowMs]));
  const troubles = [...containers, ...pods.flatMap(unschedulable)];
  if (isReady(facts)) return { verdict: { kind: 'ready' }, troubles: [], seen: now };
  const fatal = containers.find((trouble) => isFatal(trouble, now.get(keyOf(trouble)) ?? nowMs, nowMs));
  const failed: Verdict | null =
    fatal === undefined
      ? failureOfConditions(facts)
      : { kind: 'failed', cause: fatal.reason, why: describeTrouble(fatal) };
  return { verdict: failed ?? { kind: 'waiting', why: whyWaiting(facts, troubles) }, troubles, seen: now };
}

function statusesOf(pod: V1Pod): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}

function troubleOf(pod: V1Pod, status: V1ContainerStatus): Trouble | null {
  const waiting = status.state?.waiting;
  const ended = status.state?.terminated ?? status.lastState?.terminated;
  const isCrash = waiting?.reason === 'CrashLoopBackOff' || (status.state?.terminated?.exitCode ?? 0) !== 0;
  const isKnown = waiting?.reason !== undefined && waiting.reason in RULES;
  if (!isKnown && !isCrash) return null;
  const message = isCrash ? (ended?.message ?? waiting?.message) : waiting?.message;
  return {
    pod: pod.metadata?.name ?? '',
    container: status.name,
    reason: waiting?.reason ?? ended?.reason ?? 'Error',
    ...(message !== undefined && message !== '' && { message: message.trim() }),
    ...(isCrash && ended !== undefined && { exitCode: ended.exitCode }),
    restarts: status.restartCount,
  };
}

function keyOf({ pod, container, reason }: Trouble): string {
  return `${pod}/${container}/${RULES[reason]?.group ?? reason}`;
}

function unschedulable(pod: V1Pod): Trouble[] {
  const condition = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  if (condition?.reason !== 'Unschedulable') return [];
  const message = condition.message ?? '';
  return [{ pod: pod.metadata?.name ?? '', reason: 'Unschedulable', ...(message !== '' && { message }) }];
}

function isReady(facts: DeploymentFacts): boolean {
  const { deployment } = facts;
  if (deployment === null || !isObserved(facts)) return false;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, readyReplicas = 0 } = deployment.status ?? {};
  const wanted = deployment.spec.replicas ?? 1;
  const counts = [replicas, updatedReplicas, availableReplicas, readyReplicas];
  return counts.every((count) => count === wanted) && conditionOf(deployment, 'Available')?.status === 'True';
}

function conditionOf(deployment: DeploymentObject, type: string): V1DeploymentCondition | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === type);
}

function isFatal(trouble: Trouble, firstSeenMs: number, nowMs: number): boolean {
  const rule = RULES[trouble.reason];
  if (rule === undefined) return false;
  if (rule.restarts !== undefined && (trouble.restarts ?? 0) < rule.restarts) return false;
  return nowMs - firstSeenMs >= rule.afterMs;
}

function failureOfConditions(facts: DeploymentFacts): Verdict | null {
  const { deployment } = facts;
  if (deployment === null || !isObserved(facts)) return null;
  const replicaFailure = replicaFailureOf(facts);
  const { name } = deployment.metadata;
  // A full quota or a webhook that is down may pass; the wait goes on until its time is up.
  if (replicaFailure !== undefined && !isPassing(replicaFailure.message ?? '')) {
    const why = `Deployment ${name}: its pods cannot be created: ${replicaFailure.message ?? replicaFailure.reason}`;
    return { kind: 'failed', cause: 'ReplicaFailure', why };
  }
  const progressing = conditionOf(deployment, 'Progressing');
  if (progressing?.reason !== 'ProgressDeadlineExceeded' || facts.hadStalled) return null;
  const why = `Deployment ${name}: no progress for ${deployment.spec.progressDeadlineSeconds} s: ${progressing.message ?? ''}`;
  return { kind: 'failed', cause: 'ProgressDeadlineExceeded', why };
}

/**
 * Why the pods of the current template cannot be created. The Deployment's condition covers old ReplicaSets too, even
 * under the new observedGeneration (kubernetes `pkg/controller/deployment/progress.go`, `getReplicaFailures`): an old
 * set whose pods are refused would fail the rollout that repairs it, and the rollback.
 */
function replicaFailureOf(facts: DeploymentFacts): V1ReplicaSetCondition | undefined {
  const set = newestReplicaSet(facts);
  if (set === undefined || !isReplicaSet(set)) return undefined;
  const { conditions = [], observedGeneration = 0 } = set.status ?? {};
  if (observedGeneration < (set.metadata.generation ?? 0)) return undefined;
  return conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
}

// https://kubernetes.io/docs/concepts/policy/resource-quotas/
const PASSING = /exceeded quota|failed calling webhook/;

/** Whether Kubernetes refused something for a reason that may pass: a full quota, a webhook that is down. */
export function isPassing(message: string): boolean {
  return PASSING.test(message);
}

function whyWaiting(facts: DeploymentFacts, troubles: readonly Trouble[]): string {
  const { deployment } = facts;
  if (deployment === null) return 'the Deployment does not exist';
  if (!isObserved(facts)) return `Deployment ${deployment.metadata.name}: its controller has not observed it yet`;
  const { updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = deployment.status ?? {};
  const counts = `${readyReplicas} of ${deployment.spec.replicas ?? 1} pods ready, ${updatedReplicas} updated, ${replicas} in all`;
  const refusal = replicaFailureOf(facts)?.message;
  if (refusal !== undefined) return `Deployment ${deployment.metadata.name}: its pods cannot be created: ${refusal}`;
  const first = troubles[0];
  return `Deployment ${deployment.metadata.name}: ${counts}${first === undefined ? '' : `; ${describeTrouble(first)}`}`;
}

/** Whether a Service has an address, and a ready endpoint unless its Deployment has no replicas. */
export function assessService(
  service: ServiceObject | null,
  slices: readonly EndpointSliceObject[],
  replicas: number,
): Verdict {
  if (service === null) return { kind: 'waiting', why: 'the Service does not exist' };
  const { name } = service.metadata;
  if (!hasAddress(service)) return { kind: 'waiting', why: `Service ${name} has no address yet` };
  // Absent means ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
  const hasEndpoint = slices.some(({ endpoints }) =>
    (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false),
  );
  if (replicas === 0 || hasEndpoint) return { kind: 'ready' };
  return { kind: 'waiting', why: `Service ${name} has no ready endpoint yet` };
}

function hasAddress({ spec, status }: ServiceObject): boolean {
  if (spec.type === 'ExternalName') return true;
  if ((spec.clusterIP ?? '') === '') return false;
  return spec.type !== 'LoadBalancer' || (status?.loadBalancer?.ingress ?? []).length > 0;
}

/** Objects of the kinds that a rollout waits for, with the fields that are read. */
export interface DeploymentObject extends KubeObject {
  readonly spec: V1DeploymentSpec;
  readonly status?: V1DeploymentStatus;
}
export interface ReplicaSetObject extends KubeObject {
  readonly status?: V1ReplicaSetStatus;
}
export interface ServiceObject extends KubeObject {
  readonly spec: V1ServiceSpec;
  readonly status?: V1ServiceStatus;
}
export interface EndpointSliceObject extends KubeObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

export function isDeployment(object: KubeObject): object is DeploymentObject {
  return object.kind === 'Deployment' && hasSpec(object);
}

function hasSpec(object: KubeObject): boolean {
  return typeof object['spec'] === 'object' && object['spec'] !== null;
}

export function isReplicaSet(object: KubeObject): object is ReplicaSetObject {
  return object.kind === 'ReplicaSet';
}

export function isService(object: KubeObject): object is ServiceObject {
  return object.kind === 'Service' && hasSpec(object);
}

export function isEndpointSlice(object: KubeObject): object is EndpointSliceObject {
  return object.kind === 'EndpointSlice';
}

/** The labels as an equality-based selector. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

/** The Deployment whose pods a Service selects. */
export function deploymentOf(service: ServiceObject, objects: readonly KubeObject[]): DeploymentObject | undefined {
  return objects.filter(isDeployment).find((deployment) => {
    const labels = deployment.spec.template.metadata?.labels ?? {};
    const wanted = Object.entries(service.spec.selector ?? {});
    return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
  });
}

/** The pod specs of an object: that of a Deployment's template, none for other kinds. */
export function podSpecsOf(object: KubeObject): V1PodSpec[] {
  const pod = isDeployment(object) ? object.spec.template?.spec : undefined;
  return pod === undefined ? [] : [pod];
}
