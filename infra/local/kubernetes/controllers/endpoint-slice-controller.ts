import type { Cluster } from '../cluster.ts';
import { fieldsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { createObject } from '../operations/create.ts';
import { removeObject } from '../operations/remove.ts';
import { updateObject } from '../operations/update.ts';
import { canonical } from '../operations/write.ts';
import { endpointSlices } from '../resources/endpoint-slices.ts';
import { pods } from '../resources/pods.ts';
import { services } from '../resources/services.ts';
import { matcherOf } from '../selectors/label-selector.ts';
import { StatusError } from '../status.ts';
import type { StoreEvent } from '../store/event.ts';
import { draftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { inNamespace, isControlledBy } from './claims.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { buildEndpoints, hasEndpoints } from './endpoints/endpoints.ts';
import { buildSlices, isOurs, serviceLabel } from './endpoints/slices.ts';
import { createWorkQueue } from './queue.ts';

const options = { manager: 'kube-controller-manager', dryRun: false };

/** Keeps the EndpointSlices of each Service in line with the pods of its selector. */
export function createEndpointSliceController({ cluster, report }: ControllerContext): Controller {
  const queue = createWorkQueue((id) => sync(id), report);

  function sync(id: string): void {
    const service = cluster.get('services', id);
    // The slices of a deleted Service are garbage-collected.
    if (service === undefined || service.metadata.deletionTimestamp !== undefined || !hasEndpoints(service)) return;
    cluster.store.transaction(() => reconcile(cluster, service));
  }

  function considerPod({ metadata }: KubeObject): void {
    for (const service of inNamespace(cluster, services, metadata.namespace)) {
      if (selects(service, metadata.labels ?? {})) queue.add(`${metadata.namespace}/${service.metadata.name}`);
    }
  }

  function consider({ resource, key, object, previous, type }: StoreEvent): void {
    if (resource === 'nodes' && type !== 'MODIFIED') for (const id of cluster.all('services').keys()) queue.add(id);
    if (resource === 'services') queue.add(key);
    if (resource === 'endpointslices.discovery.k8s.io')
      queue.add(`${object.metadata.namespace}/${object.metadata.labels?.[serviceLabel] ?? ''}`);
    if (resource !== 'pods') return;
    if (previous !== undefined) considerPod(previous);
    considerPod(object);
  }

  const unsubscribe = cluster.store.subscribe(consider);
  for (const id of cluster.all('services').keys()) queue.add(id);
  return {
    close: () => {
      unsubscribe();
      queue.close();
    },
  };
}

function reconcile(cluster: Cluster, service: KubeObject): void {
  const { namespace } = service.metadata;
  const own = inNamespace(cluster, pods, namespace).filter(
    (pod) => selects(service, pod.metadata.labels ?? {}) && isPlaced(cluster, service, pod),
  );
  const wanted = buildSlices(service, buildEndpoints(service, own));
  const present = inNamespace(cluster, endpointSlices, namespace).filter(
    (slice) => isOurs(slice, service) && isControlledBy(slice, service),
  );
  const matched = match(wanted, present);
  for (const [slice, old] of matched) {
    if (old === undefined) create(cluster, namespace, slice);
    else update(cluster, old, slice);
  }
  const kept = new Set(matched.map(([, old]) => old));
  for (const { metadata } of present.filter((slice) => !kept.has(slice)))
    removeObject(cluster, endpointSlices, namespace, metadata.name, { dryRun: false });
}

function selects(service: KubeObject, labels: Readonly<Record<string, string>>): boolean {
  return hasEndpoints(service) && matcherOf({ matchLabels: stringsAt(service, 'spec', 'selector') })(labels);
}

/** A pod on a missing node is no endpoint, unless the Service publishes addresses that are not ready. */
function isPlaced(cluster: Cluster, service: KubeObject, pod: KubeObject): boolean {
  return (
    fieldsAt(service, 'spec')['publishNotReadyAddresses'] === true ||
    cluster.get('nodes', stringAt(pod, 'spec', 'nodeName')) !== undefined
  );
}

/** Assigns existing slices to wanted ones: those with the same ports first, then any other. */
function match(
  wanted: readonly Fields[],
  present: readonly KubeObject[],
): readonly (readonly [Fields, KubeObject | undefined])[] {
  const left = new Set(present);
  function take(old: KubeObject | undefined): KubeObject | undefined {
    if (old !== undefined) left.delete(old);
    return old;
  }
  const samePorts = wanted.map((slice) =>
    take([...left].find((old) => JSON.stringify(portKeys(old)) === JSON.stringify(portKeys(slice)))),
  );
  return wanted.map((slice, index) => [slice, samePorts[index] ?? take([...left][0])] as const);
}

function portKeys(slice: Fields): unknown {
  return Array.isArray(slice['ports'])
    ? slice['ports'].map((port: unknown) => {
        const { name, port: number, protocol } = fieldsAt({ port }, 'port');
        return [name, number, protocol];
      })
    : [];
}

function create(cluster: Cluster, namespace: string | undefined, slice: Fields): void {
  try {
    createObject(cluster, endpointSlices, namespace, canonical(endpointSlices, structuredClone(slice)), options);
  } catch (error) {
    // A namespace that is being deleted accepts no new objects.
    if (!(error instanceof StatusError) || error.reason !== 'Forbidden') throw error;
  }
}

function update(cluster: Cluster, old: KubeObject, slice: Fields): void {
  function change(before: KubeObject): Draft {
    const draft: Draft = { ...draftOf(before), endpoints: slice['endpoints'], ports: slice['ports'] };
    draft.metadata['labels'] = fieldsAt(slice, 'metadata')['labels'];
    return draft;
  }
  updateObject(cluster, endpointSlices, old.metadata.namespace, old.metadata.name, change, options);
}
