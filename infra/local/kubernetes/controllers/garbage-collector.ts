import type { Cluster } from '../cluster.ts';
import { removeObject } from '../operations/remove.ts';
import { updateObject } from '../operations/update.ts';
import { resourceKey } from '../resources/resource.ts';
import { resources } from '../resources/table.ts';
import type { StoreEvent } from '../store/event.ts';
import { draftOf } from '../types.ts';
import type { KubeObject, OwnerReference } from '../types.ts';
import type { Controller, ControllerContext } from './controller.ts';
import type { Owners } from './owners.ts';
import { createWorkQueue } from './queue.ts';

const manager = 'kube-controller-manager';

/**
 * Deletes objects whose owners no longer exist, and carries out the `foregroundDeletion` and `orphan` finalizers
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/).
 */
export function createGarbageCollector({ cluster, owners, report }: ControllerContext): Controller {
  const queue = createWorkQueue((id) => collect(cluster, owners, id), report);

  function consider(event: StoreEvent): void {
    const { object } = event;
    if (event.type === 'DELETED') {
      for (const dependent of owners.dependentsOf(object.metadata.uid))
        queue.add(idOf(dependent.resource, dependent.key));
      for (const owner of object.metadata.ownerReferences ?? []) enqueueUid(owner.uid);
      return;
    }
    for (const owner of event.previous?.metadata.ownerReferences ?? []) enqueueUid(owner.uid);
    if (isOfInterest(object)) queue.add(idOf(event.resource, event.key));
  }
  function enqueueUid(uid: string): void {
    const address = owners.find(uid);
    if (address !== undefined) queue.add(idOf(address.resource, address.key));
  }

  const unsubscribe = cluster.store.subscribe(consider);
  for (const resource of resources.map(resourceKey)) {
    for (const [key, object] of cluster.store.all(resource)) if (isOfInterest(object)) queue.add(idOf(resource, key));
  }
  return {
    close: () => {
      unsubscribe();
      queue.close();
    },
  };
}

function collect(cluster: Cluster, owners: Owners, id: string): void {
  const [name = '', key = ''] = id.split(' ');
  const object = cluster.get(name, key);
  if (object === undefined) return;
  const finalizers = object.metadata.deletionTimestamp === undefined ? [] : (object.metadata.finalizers ?? []);
  if (finalizers.includes('foregroundDeletion')) deleteDependents(cluster, owners, object);
  else if (finalizers.includes('orphan')) orphanDependents(cluster, owners, object);
  else if ((object.metadata.ownerReferences ?? []).length > 0) deleteIfAbandoned(cluster, owners, object);
}

/** Dependents that block their owner are deleted first; the owner follows after the last of them. */
function deleteDependents(cluster: Cluster, owners: Owners, object: KubeObject): void {
  const { uid } = object.metadata;
  const dependents = owners.dependentsOf(uid).flatMap(({ resource, key }) => cluster.get(resource, key) ?? []);
  for (const dependent of dependents) {
    if (dependent.metadata.deletionTimestamp === undefined) deleteIfAbandoned(cluster, owners, dependent);
  }
  const blocking = owners
    .dependentsOf(uid)
    .some(({ resource, key }) =>
      cluster
        .get(resource, key)
        ?.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true),
    );
  if (!blocking) dropFinalizer(cluster, object, 'foregroundDeletion');
}

function deleteIfAbandoned(cluster: Cluster, owners: Owners, object: KubeObject): void {
  const references = object.metadata.ownerReferences ?? [];
  const states = references.map((reference) => stateOf(cluster, owners, reference));
  if (states.includes('solid')) {
    if (states.includes('absent')) keepOwners(cluster, object, (owner) => stateOf(cluster, owners, owner) !== 'absent');
    return;
  }
  if (object.metadata.deletionTimestamp !== undefined) return;
  const waits = states.includes('waiting') && owners.dependentsOf(object.metadata.uid).length > 0;
  const finalizers = object.metadata.finalizers ?? [];
  const policy = finalizers.includes('orphan')
    ? 'Orphan'
    : waits || finalizers.includes('foregroundDeletion')
      ? 'Foreground'
      : 'Background';
  removeObject(cluster, resourceOf(object), object.metadata.namespace, object.metadata.name, {
    propagationPolicy: policy,
    preconditions: { uid: object.metadata.uid },
    dryRun: false,
  });
}

/** `waiting`: the owner is being deleted in the foreground, so it waits for this dependent to go. */
function stateOf(cluster: Cluster, owners: Owners, reference: OwnerReference): 'solid' | 'absent' | 'waiting' {
  const address = owners.find(reference.uid);
  const owner = address === undefined ? undefined : cluster.get(address.resource, address.key);
  if (owner === undefined) return 'absent';
  const isWaiting =
    owner.metadata.deletionTimestamp !== undefined &&
    owner.metadata.finalizers?.includes('foregroundDeletion') === true;
  return isWaiting ? 'waiting' : 'solid';
}

function keepOwners(cluster: Cluster, object: KubeObject, isKept: (owner: OwnerReference) => boolean): void {
  const { namespace, name } = object.metadata;
  function change(old: KubeObject): ReturnType<typeof draftOf> {
    const draft = draftOf(old);
    draft.metadata['ownerReferences'] = (old.metadata.ownerReferences ?? []).filter(isKept);
    return draft;
  }
  updateObject(cluster, resourceOf(object), namespace, name, change, { manager, dryRun: false });
}

function resourceOf(object: KubeObject): (typeof resources)[number] {
  const found = resources.find((each) => each.kind === object.kind);
  if (found === undefined) throw new Error(`no resource of kind ${object.kind}`);
  return found;
}

function dropFinalizer(cluster: Cluster, object: KubeObject, finalizer: string): void {
  const { namespace, name } = object.metadata;
  function change(old: KubeObject): ReturnType<typeof draftOf> {
    const draft = draftOf(old);
    const rest = (old.metadata.finalizers ?? []).filter((each) => each !== finalizer);
    draft.metadata['finalizers'] = rest;
    return draft;
  }
  updateObject(cluster, resourceOf(object), namespace, name, change, { manager, dryRun: false });
}

function orphanDependents(cluster: Cluster, owners: Owners, object: KubeObject): void {
  cluster.store.transaction(() => {
    for (const { resource, key } of owners.dependentsOf(object.metadata.uid)) {
      const dependent = cluster.get(resource, key);
      if (dependent !== undefined) keepOwners(cluster, dependent, (owner) => owner.uid !== object.metadata.uid);
    }
    dropFinalizer(cluster, object, 'orphan');
  });
}

function idOf(resource: string, key: string): string {
  return `${resource} ${key}`;
}

function isOfInterest({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).length > 0 || metadata.deletionTimestamp !== undefined;
}
