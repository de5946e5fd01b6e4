import { isStatus } from './api.ts';
import type { Api } from './api.ts';
import type { EventRecorder } from './events.ts';
import { fitPod } from './fit.ts';
import type { NodeOffer } from './fit.ts';
import { formatTime, messageOf, podKey } from './types.ts';
import type { Pod, PodCondition } from './types.ts';

export interface PodSchedulerOptions {
  readonly api: Api;
  readonly node: NodeOffer;
  readonly events: EventRecorder;
  /** Binds only the pods of these namespaces; by default of all. */
  readonly namespaces?: readonly string[];
  readonly report: (message: string) => void;
}

/** Binds the pods that fit the node and reports why the others do not. Pods that are not waiting are ignored. */
export function createPodScheduler({ api, node, events, namespaces, report }: PodSchedulerOptions): (pod: Pod) => void {
  const busy = new Set<string>();

  async function bind(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    const target = { apiVersion: 'v1', kind: 'Node', name: node.name };
    try {
      await api.post(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, uid },
        target,
      });
    } catch (error) {
      // Bound by another scheduler, or gone.
      if (isStatus(error, 404, 409)) return;
      throw error;
    }
    const message = `Successfully assigned ${podKey(pod)} to ${node.name}`;
    events.record({ pod, type: 'Normal', reason: 'Scheduled', message, component: 'default-scheduler' });
  }

  async function refuse(pod: Pod, message: string): Promise<void> {
    const known = scheduledCondition(pod);
    if (known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message) return;
    const { namespace, name } = pod.metadata;
    await api.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, buildUnschedulable(pod, message));
    events.record({ pod, type: 'Warning', reason: 'FailedScheduling', message, component: 'default-scheduler' });
  }

  async function schedule(pod: Pod): Promise<void> {
    const fit = fitPod(pod, node);
    await (fit.kind === 'fits' ? bind(pod) : refuse(pod, fit.message));
  }

  return (pod) => {
    const { namespace, uid } = pod.metadata;
    if (!isWaiting(pod) || busy.has(uid) || namespaces?.includes(namespace) === false) return;
    busy.add(uid);
    schedule(pod)
      .catch((error: unknown) => report(`pod ${podKey(pod)} was not scheduled: ${messageOf(error)}`))
      .finally(() => busy.delete(uid))
      .catch(() => {});
  };
}

function scheduledCondition(pod: Pod): PodCondition | undefined {
  return pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

function buildUnschedulable(pod: Pod, message: string) {
  const known = scheduledCondition(pod);
  const since = known?.status === 'False' ? known.lastTransitionTime : undefined;
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime: since ?? formatTime(Date.now()),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  return { metadata: { uid: pod.metadata.uid }, status: { phase: 'Pending', conditions: [...others, condition] } };
}

function isWaiting(pod: Pod): boolean {
  return (
    pod.spec.nodeName === undefined &&
    pod.metadata.deletionTimestamp === undefined &&
    (pod.spec.schedulerName ?? 'default-scheduler') === 'default-scheduler' &&
    (pod.spec.schedulingGates ?? []).length === 0
  );
}
