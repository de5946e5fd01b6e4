import type { Cluster } from '../cluster.ts';
import { numberAt, stringAt } from '../json.ts';
import { createObject } from '../operations/create.ts';
import { updateObject } from '../operations/update.ts';
import { canonical } from '../operations/write.ts';
import { events } from '../resources/events.ts';
import { formatTime } from '../schema/time.ts';
import { shallowDraftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';

export interface NewEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** How long events are kept: kube-apiserver's --event-ttl. */
const keptMs = 60 * 60_000;

const manager = 'kube-controller-manager';

interface Memory {
  /** Keys in the store of the events so far, by their content. */
  readonly recorded: Map<string, string>;
  forgottenAtMs: number;
}

const memories = new WeakMap<Cluster, Memory>();

/** Records an event about an object; the same again within an hour counts one up. */
export function recordEvent(cluster: Cluster, about: KubeObject, event: NewEvent, component: string): void {
  const namespace = about.metadata.namespace ?? 'default';
  const memory = memoryOf(cluster);
  forgetOld(cluster, memory);
  const now = formatTime(cluster.now());
  const same = cluster.get('events', memory.recorded.get(idOf(about.metadata.uid, event)) ?? '');
  const options = { manager, dryRun: false };
  if (same !== undefined) {
    const count = (numberAt(same, 'count') ?? 1) + 1;
    function change(old: KubeObject): Draft {
      return { ...shallowDraftOf(old), count, lastTimestamp: now };
    }
    updateObject(cluster, events, namespace, same.metadata.name, change, options);
    return;
  }
  const draft = canonical(events, {
    metadata: { name: `${about.metadata.name}.${uniqueSuffix(cluster)}`, namespace },
    involvedObject: {
      kind: about.kind,
      namespace: about.metadata.namespace,
      name: about.metadata.name,
      uid: about.metadata.uid,
      apiVersion: about.apiVersion,
      resourceVersion: about.metadata.resourceVersion,
    },
    ...event,
    source: { component },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
    reportingComponent: component,
  });
  createObject(cluster, events, namespace, draft, options);
}

/** Keeps an index of the store's events, so that it need not search all of them for each new one. */
function memoryOf(cluster: Cluster): Memory {
  const known = memories.get(cluster);
  if (known !== undefined) return known;
  const recorded = new Map([...cluster.all('events')].map(([key, event]) => [storedId(event), key]));
  cluster.store.subscribe(({ resource, type, key, object }) => {
    if (resource !== 'events') return;
    if (type === 'DELETED') recorded.delete(storedId(object));
    else recorded.set(storedId(object), key);
  });
  const memory: Memory = { recorded, forgottenAtMs: 0 };
  memories.set(cluster, memory);
  return memory;
}

function storedId(event: KubeObject): string {
  return idOf(stringAt(event, 'involvedObject', 'uid'), {
    reason: stringAt(event, 'reason'),
    message: stringAt(event, 'message'),
  });
}

function idOf(uid: string, { reason, message }: Pick<NewEvent, 'reason' | 'message'>): string {
  return `${uid}\n${reason}\n${message}`;
}

/** Looks through the events once a minute. */
function forgetOld(cluster: Cluster, memory: Memory): void {
  const nowMs = cluster.now().getTime();
  if (nowMs - memory.forgottenAtMs < 60_000) return;
  memory.forgottenAtMs = nowMs;
  for (const [key, event] of cluster.all('events')) {
    const seen = Date.parse(stringAt(event, 'lastTimestamp') || event.metadata.creationTimestamp);
    if (seen < nowMs - keptMs) cluster.store.remove('events', key);
  }
}

/** Time and version together are never the same twice. */
function uniqueSuffix(cluster: Cluster): string {
  return (BigInt(cluster.now().getTime()) * 1_000_000n + BigInt(cluster.store.resourceVersion() % 1_000_000)).toString(
    16,
  );
}
