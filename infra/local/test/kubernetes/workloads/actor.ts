import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { at, textAt } from '../api.ts';
import type { World } from './world.ts';

const everyMs = 30;

export interface Actor {
  /** Leaves the pods alone until what it returns is called. */
  pause(): () => void;
  close(): Promise<void>;
}

/**
 * Plays scheduler and kubelet: binds the pods of a namespace to a node, lets them run, and lets go of them when they
 * are deleted. Their addresses are of a range that no machine has.
 */
export async function startActor(call: World['call'], namespace: string): Promise<Actor> {
  const node = `node-${randomBytes(4).toString('hex')}`;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await call('POST', '/api/v1/nodes', { metadata: { name: node } });
  let isOpen = true;
  let isPaused = false;
  let count = 0;
  async function drive(pod: unknown): Promise<void> {
    const name = textAt(pod, 'metadata.name');
    if (textAt(pod, 'metadata.deletionTimestamp') !== '') {
      await call('DELETE', `${path}/${name}`, { gracePeriodSeconds: 0 });
      return;
    }
    if (textAt(pod, 'status.phase') !== 'Pending') return;
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    if (textAt(pod, 'spec.nodeName') === '')
      await call('POST', `${path}/${name}/binding`, { metadata: { name }, target });
    count += 1;
    const status = statusOf(pod, `192.0.2.${(count % 250) + 1}`);
    await call('PATCH', `${path}/${name}/status`, { status }, 'application/merge-patch+json');
  }
  async function loop(): Promise<void> {
    for (; isOpen; await pause(everyMs)) {
      const items = isPaused ? [] : at((await call('GET', path)).body, 'items');
      for (const pod of Array.isArray(items) ? items : []) {
        if (isPaused) break;
        await drive(pod);
      }
    }
  }
  const done = loop();
  return {
    pause: () => {
      isPaused = true;
      return () => {
        isPaused = false;
      };
    },
    close: async () => {
      isOpen = false;
      await done;
      await call('DELETE', `/api/v1/nodes/${node}`);
    },
  };
}

/** What a kubelet writes of a running pod; an image tagged `unready...` never becomes ready. */
function statusOf(pod: unknown, ip: string): object {
  const image = textAt(pod, 'spec.containers.0.image');
  const ready = !image.includes(':unready');
  return {
    phase: 'Running',
    podIP: ip,
    podIPs: [{ ip }],
    conditions: ['PodScheduled', 'Ready', 'ContainersReady'].map((type) =>
      condition(type, ready || type === 'PodScheduled'),
    ),
    containerStatuses: [
      { name: 'main', image, imageID: '', ready, restartCount: 0, state: { running: { startedAt: now() } } },
    ],
  };
}

function condition(type: string, isTrue: boolean): object {
  return {
    type,
    status: isTrue ? 'True' : 'False',
    lastTransitionTime: now(),
  };
}

function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}
