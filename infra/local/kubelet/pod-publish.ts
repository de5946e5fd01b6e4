import { isStatus } from './api.ts';
import { podPathOf } from './node-context.ts';
import type { NodeContext } from './node-context.ts';
import { viewsOf } from './pod-session.ts';
import type { PodSession } from './pod-session.ts';
import { buildPodStatus } from './pod-status.ts';
import { messageOf, podKey } from './types.ts';
import type { PodCondition } from './types.ts';

export interface Publisher {
  /** Writes the status if it changed. Returns false if that failed and must be retried. */
  publish(session: PodSession): Promise<boolean>;
  /** Writes the last status of a deleted pod. Returns false if that must be retried. */
  confirmDeletion(session: PodSession): Promise<boolean>;
}

/** Writes one pod's status. Each request has the `uid`, so that a later pod of the same name is never changed. */
export function createPublisher({ api, report, podIP }: NodeContext, initial: readonly PodCondition[]): Publisher {
  let written = '';
  let previous = initial;
  let confirmed = false;
  async function attempt(what: string, session: PodSession, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (isOfThePast(error)) return true;
      report(`the ${what} of pod ${podKey(session.pod)} was not written: ${messageOf(error)}`);
      return false;
    }
  }
  return {
    publish: async (session) => {
      const { pod, sandbox, startedAtMs, end } = session;
      const { uid } = pod.metadata;
      const status = buildPodStatus({
        pod,
        ...viewsOf(session),
        sandbox,
        podIP: podIP(uid),
        startedAtMs,
        end,
        previous,
        nowMs: Date.now(),
      });
      const text = JSON.stringify(status);
      if (text === written) return true;
      if (
        !(await attempt('status', session, () => api.patch(`${podPathOf(pod)}/status`, { metadata: { uid }, status })))
      )
        return false;
      written = text;
      previous = status.conditions ?? [];
      return true;
    },
    confirmDeletion: async (session) => {
      const { uid } = session.pod.metadata;
      const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } };
      confirmed ||= await attempt('deletion', session, () => api.delete(podPathOf(session.pod), options));
      return confirmed;
    },
  };
}

/** Whether the pod is gone, or another pod has its name. */
function isOfThePast(error: unknown): boolean {
  return isStatus(error, 404, 409);
}
