import type { Cluster } from '../cluster.ts';
import { numberAt, stringAt } from '../json.ts';
import { createObject } from '../operations/create.ts';
import { updateObject } from '../operations/update.ts';
import { canonical } from '../operations/write.ts';
import { events } from '../resources/events.ts';
import { formatTime } from '../schema/time.ts';
import { draftOf } from '../types.ts';
import type { KubeObject } from '../types.ts';

export interface NewEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** How long events are kept: kube-apiserver's --event-ttl. */
const keptMs = 60 * 60_000;

const manager = 'kube-controller-manager';

/** Records an event about an object; the same again within an hour counts one up. */
export const recordEvent = (cluster: Cluster, about: KubeObject, event: NewEvent, component: string): void => {
  const namespace = about.metadata.namespace ?? 'default';
  forgetOld(cluster);
  const now = formatTime(cluster.now());
  const same = [...cluster.all('events').values()].find(
    (each) =>
      stringAt(each, 'involvedObject', 'uid') === about.metadata.uid &&
      stringAt(each, 'reason') === event.reason &&
      stringAt(each, 'message') === event.message,
  );
  const options = { manager, dryRun: false };
  if (same !== undefined) {
    const count = (numberAt(same, 'count') ?? 1) + 1;
    updateObject(
      cluster,
      events,
      namespace,
      same.metadata.name,
      (old) => ({ ...draftOf(old), count, lastTimestamp: now }),
      options,
    );
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
};

/** Time and version together are never the same twice. */
const uniqueSuffix = (cluster: Cluster): string =>
  (BigInt(cluster.now().getTime()) * 1_000_000n + BigInt(cluster.store.resourceVersion() % 1_000_000)).toString(16);

const forgetOld = (cluster: Cluster): void => {
  const oldest = cluster.now().getTime() - keptMs;
  for (const [key, event] of cluster.all('events')) {
    const seen = Date.parse(stringAt(event, 'lastTimestamp') || event.metadata.creationTimestamp);
    if (seen < oldest) cluster.store.remove('events', key);
  }
};
