import type { CoreV1Event, V1ContainerStatus, V1Job, V1JobCondition, V1Pod } from '@kubernetes/client-node';
import type { CallOptions, Cluster } from '../cluster/port.ts';

/** What the cluster reports about one Job. */
export interface JobFacts {
  readonly job: V1Job;
  /** Of this Job, oldest first. */
  readonly pods: readonly V1Pod[];
  /** About the Job, then about its newest pod, oldest first. */
  readonly events: readonly CoreV1Event[];
}

/** One pod in an answer and in a run's record. */
export interface PodSummary {
  readonly name: string;
  readonly phase: string;
  readonly node?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly exitCode?: number;
  readonly restarts: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/** A Job's pods and events, as {@link JobFacts}. */
export async function factsOf(
  cluster: Pick<Cluster, 'listPods' | 'listEvents'>,
  job: V1Job,
  call: CallOptions = {},
): Promise<JobFacts> {
  const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
  const [pods, jobEvents] = await Promise.all([
    cluster.listPods(namespace, `batch.kubernetes.io/controller-uid=${uid}`, call),
    cluster.listEvents(namespace, { kind: 'Job', name, uid }, call),
  ]);
  const facts = { job, pods: [...pods].toSorted(byCreation), events: jobEvents };
  const newest = newestPod(facts)?.metadata;
  if (newest?.name === undefined || trueCondition(job, 'Complete') !== undefined) return facts;
  const podEvents = await cluster.listEvents(
    namespace,
    { kind: 'Pod', name: newest.name, ...(newest.uid !== undefined && { uid: newest.uid }) },
    call,
  );
  return { ...facts, events: [...jobEvents, ...podEvents] };
}

/** Sorts objects by their age, the oldest first. */
export function byCreation(a: { metadata?: { creationTimestamp?: Date } }, b: typeof a): number {
  return (
    new Date(a.metadata?.creationTimestamp ?? 0).getTime() - new Date(b.metadata?.creationTimestamp ?? 0).getTime()
  );
}

/** The condition of `type` if it is true. */
export function trueCondition(job: V1Job, type: string): V1JobCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

export function newestPod(facts: JobFacts): V1Pod | undefined {
  return facts.pods.at(-1);
}

/** All container statuses, init containers first. */
export function containerStatuses(pod: V1Pod | undefined): V1ContainerStatus[] {
  return [...(pod?.status?.initContainerStatuses ?? []), ...(pod?.status?.containerStatuses ?? [])];
}

/** One pod: its phase, and the reason, message and exit code of its first container with a problem. */
export function summarisePod(pod: V1Pod): PodSummary {
  const statuses = containerStatuses(pod);
  const ended = statuses.map((status) => status.state?.terminated).find((state) => state !== undefined);
  const waiting = statuses.map((status) => status.state?.waiting).find((state) => state !== undefined);
  const unscheduled = pod.status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
  const reason = pod.status?.reason ?? ended?.reason ?? waiting?.reason ?? unscheduled?.reason;
  const message = pod.status?.message ?? ended?.message ?? waiting?.message ?? unscheduled?.message;
  const startedAt = iso(pod.status?.startTime);
  const finishedAt = iso(ended?.finishedAt);
  return {
    name: pod.metadata?.name ?? '',
    phase: pod.metadata?.deletionTimestamp === undefined ? (pod.status?.phase ?? 'Pending') : 'Terminating',
    ...(pod.spec?.nodeName !== undefined && { node: pod.spec.nodeName }),
    ...(reason !== undefined && reason !== '' && { reason }),
    ...(message !== undefined && message !== '' && { message }),
    ...(ended !== undefined && { exitCode: ended.exitCode }),
    restarts: statuses.reduce((sum, status) => sum + status.restartCount, 0),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
  };
}

function iso(time: Date | string | undefined): string | undefined {
  return time === undefined ? undefined : new Date(time).toISOString();
}
