import { isStatus } from './api.ts';
import type { Api } from './api.ts';
import type { Pod } from './types.ts';
import { formatTime, messageOf } from './types.ts';

/** The same event again within this time is counted, and reported with the next one. */
const QUIET_MS = 10_000;

export interface EventInput {
  readonly pod: Pod;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** `spec.containers{name}` if the event is about a container. */
  readonly fieldPath?: string;
  readonly component?: 'kubelet' | 'default-scheduler';
}

export interface EventRecorder {
  /** Returns at once and never throws. An event that cannot be written is reported and dropped. */
  record(input: EventInput): void;
  /** Forgets the events of a pod. */
  forget(podUid: string): void;
  /** Resolves once all recorded events are written. */
  flush(): Promise<void>;
}

interface Sent {
  readonly name: string;
  readonly firstMs: number;
  count: number;
  lastSentMs: number;
}

/** Writes core/v1 Events in the order they are recorded, one object per (pod, reason, message) with a count, as the kubelet does. */
export function createEventRecorder(api: Api, nodeName: string, report: (message: string) => void): EventRecorder {
  const sent = new Map<string, Sent>();
  let queue: Promise<unknown> = Promise.resolve();
  let serial = 0;

  function send(input: EventInput, key: string, entry: Sent): void {
    const event = buildEvent(input, entry, nodeName);
    const path = `/api/v1/namespaces/${event.metadata.namespace}/events`;
    const { count, lastTimestamp } = event;
    function write() {
      return count === 1 ? api.post(path, event) : api.patch(`${path}/${entry.name}`, { count, lastTimestamp });
    }
    queue = queue.then(write).catch((error: unknown) => {
      sent.delete(key);
      // A namespace that is being deleted accepts no new objects.
      if (isStatus(error, 404) || messageOf(error).includes('is being terminated')) return;
      report(`event ${input.reason} was not written: ${messageOf(error)}`);
    });
  }

  return {
    record: (input) => {
      const { uid, name } = input.pod.metadata;
      const nowMs = Date.now();
      const key = [uid, input.type, input.reason, input.fieldPath, input.message].join('\n');
      const known = sent.get(key);
      if (known === undefined) {
        serial += 1;
        // The real recorder names events in this way: the object's name and a hexadecimal time.
        const suffix = (BigInt(nowMs) * 1_000_000n + BigInt(serial % 1_000_000)).toString(16);
        const entry: Sent = { name: `${name}.${suffix}`, firstMs: nowMs, count: 1, lastSentMs: nowMs };
        sent.set(key, entry);
        return send(input, key, entry);
      }
      known.count += 1;
      if (nowMs - known.lastSentMs < QUIET_MS) return;
      known.lastSentMs = nowMs;
      send(input, key, known);
    },
    forget: (podUid) => {
      for (const key of sent.keys()) if (key.startsWith(`${podUid}\n`)) sent.delete(key);
    },
    flush: async () => {
      await queue;
    },
  };
}

function buildEvent(input: EventInput, sent: Sent, nodeName: string) {
  const { pod, component = 'kubelet' } = input;
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: sent.name, namespace },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name,
      namespace,
      uid,
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(input.fieldPath !== undefined && { fieldPath: input.fieldPath }),
    },
    reason: input.reason,
    message: input.message,
    type: input.type,
    source: { component, ...(component === 'kubelet' && { host: nodeName }) },
    reportingComponent: component,
    reportingInstance: component === 'kubelet' ? nodeName : '',
    firstTimestamp: formatTime(sent.firstMs),
    lastTimestamp: formatTime(sent.lastSentMs),
    count: sent.count,
  };
}
