import type { LogServerOptions } from './log-server.ts';
import type { NodeContext } from './node-context.ts';
import { originOf, removeStrangers } from './origin.ts';
import { createPodWorker } from './pod-worker.ts';
import type { PodWorker } from './pod-worker.ts';
import type { PodHandlers } from './pod-watch.ts';
import type { Pod } from './types.ts';

export interface PodRegistry extends PodHandlers {
  readonly findLog: LogServerOptions['find'];
  /** Offers pods without a node to the scheduler again, because an earlier attempt may have failed. */
  offerAgain(): void;
  shutdown(graceMs: number): Promise<void>;
  /** Sends SIGKILL to everything that runs, at once. */
  killAll(): void;
}

/** The worker of each pod. Pods without a node go to `schedule`. */
export function createPodRegistry(node: NodeContext, schedule: (pod: Pod) => void): PodRegistry {
  const workers = new Map<string, PodWorker>();
  const waiting = new Map<string, Pod>();
  let listed = false;
  let closed = false;

  function adopt(pod: Pod): void {
    const { uid } = pod.metadata;
    const origin = listed ? (isOver(pod) ? 'over' : 'new') : originOf(node, pod);
    const worker = createPodWorker(node, pod, origin);
    workers.set(uid, worker);
    void worker.done.then(() => closed || workers.delete(uid));
  }

  function apply(pod: Pod): void {
    if (closed) return;
    const { uid } = pod.metadata;
    const worker = workers.get(uid);
    if (worker !== undefined) return worker.update(pod);
    if (pod.spec.nodeName === node.nodeName) adopt(pod);
    if (pod.spec.nodeName !== undefined) return void waiting.delete(uid);
    waiting.set(uid, pod);
    schedule(pod);
  }

  function remove({ metadata: { uid } }: Pick<Pod, 'metadata'>): void {
    if (waiting.delete(uid)) node.events.forget(uid);
    workers.get(uid)?.remove();
  }

  return {
    apply,
    remove,
    replace: (pods) => {
      const uids = new Set(pods.map(({ metadata: { uid } }) => uid));
      for (const { pod } of workers.values()) if (!uids.has(pod.metadata.uid)) remove(pod);
      for (const uid of waiting.keys()) if (!uids.has(uid)) waiting.delete(uid);
      if (!listed) removeStrangers(node, pods);
      for (const pod of pods) apply(pod);
      listed = true;
    },
    offerAgain: () => {
      for (const pod of waiting.values()) schedule(pod);
    },
    findLog: (namespace, name, container, previous) => {
      const mine = [...workers.values()].filter(
        ({ pod: { metadata } }) => metadata.namespace === namespace && metadata.name === name,
      );
      const worker = mine.at(-1);
      if (worker === undefined) return 'no-pod';
      return worker.findLog(container, previous) ?? 'no-container';
    },
    shutdown: async (graceMs) => {
      closed = true;
      await Promise.all([...workers.values()].map((worker) => worker.shutdown(graceMs)));
    },
    killAll: () => {
      for (const worker of workers.values()) worker.kill();
    },
  };
}

function isOver({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
