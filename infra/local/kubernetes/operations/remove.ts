import type { Cluster } from '../cluster.ts';
import { numberAt, stringAt } from '../json.ts';
import { objectKey, resourceKey } from '../resources/resource.ts';
import type { Resource } from '../resources/resource.ts';
import { formatTime } from '../schema/time.ts';
import { forbidden, notFound, notImplemented, StatusError } from '../status.ts';
import { draftOf, isKubeObject } from '../types.ts';
import type { KubeObject } from '../types.ts';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun: boolean;
}

/** `gone` says whether the object is out of the store; else it is only marked, and finalizers or the kubelet go on. */
export interface Removal {
  readonly gone: boolean;
  readonly object: KubeObject;
}

/** The namespaces that a cluster cannot do without. */
const eternal = new Set(['default', 'kube-system']);

interface Mark {
  readonly finalizers: readonly string[];
  readonly graceSeconds: number;
  readonly dryRun: boolean;
}

/** Deletes an object, or marks it when something has to happen first. Throws what the API server would answer. */
export function removeObject(
  cluster: Cluster,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  options: DeleteOptions,
): Removal {
  const old = cluster.get(resourceKey(resource), objectKey(namespace, name));
  if (old === undefined) throw notFound(resource, name);
  if (resource.readOnly !== undefined) throw notImplemented(`writing ${resource.readOnly}`);
  checkPreconditions(resource, old, options);
  if (resource.plural === 'namespaces') return terminateNamespace(cluster, resource, old, options);
  const finalizers = finalizersAfter(resource, old, options);
  const graceSeconds = graceFor(resource, old, options);
  if (finalizers.length === 0 && graceSeconds === 0) return takeOut(cluster, resource, old, options);
  return mark(cluster, resource, old, { finalizers, graceSeconds, dryRun: options.dryRun });
}

function checkPreconditions(resource: Resource, old: KubeObject, { preconditions }: DeleteOptions): void {
  function fail(because: string): never {
    const name = old.metadata.name;
    const qualified = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
    throw new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${qualified} "${name}": ${because}`, {
      name,
      ...(resource.group !== '' && { group: resource.group }),
      kind: resource.kind,
    });
  }
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== old.metadata.uid) {
    fail(
      `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    fail(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

function terminateNamespace(cluster: Cluster, resource: Resource, old: KubeObject, options: DeleteOptions): Removal {
  if (eternal.has(old.metadata.name)) throw forbidden(resource, old.metadata.name, 'this namespace may not be deleted');
  if (old.metadata.deletionTimestamp !== undefined) return { gone: false, object: old };
  const terminating = { ...old, status: { phase: 'Terminating' } };
  return mark(cluster, resource, terminating, {
    finalizers: old.metadata.finalizers ?? [],
    graceSeconds: 0,
    dryRun: options.dryRun,
  });
}

function mark(
  cluster: Cluster,
  resource: Resource,
  old: KubeObject,
  { finalizers, graceSeconds, dryRun }: Mark,
): Removal {
  const draft = draftOf(old);
  const { metadata } = draft;
  const isFirst = old.metadata.deletionTimestamp === undefined;
  if (isFirst || graceSeconds < (old.metadata.deletionGracePeriodSeconds ?? 0)) {
    metadata['deletionTimestamp'] = formatTime(new Date(cluster.now().getTime() + graceSeconds * 1000));
    // A namespace has no such field: what it waits for is its content.
    if (resource.plural !== 'namespaces') metadata['deletionGracePeriodSeconds'] = graceSeconds;
  }
  if (isFirst && old.metadata.generation !== undefined) metadata['generation'] = old.metadata.generation + 1;
  if (finalizers.length > 0) metadata['finalizers'] = [...finalizers];
  else delete metadata['finalizers'];
  if (!dryRun) {
    const key = objectKey(old.metadata.namespace, old.metadata.name);
    return { gone: false, object: cluster.store.put(resourceKey(resource), key, draft) };
  }
  if (!isKubeObject(draft)) throw new Error('a dry run made no object');
  return { gone: false, object: draft };
}

/** The finalizers by which the garbage collector is asked to deal with dependents first. */
function finalizersAfter(resource: Resource, old: KubeObject, options: DeleteOptions): readonly string[] {
  const before = old.metadata.finalizers ?? [];
  const others = before.filter((each) => each !== 'orphan' && each !== 'foregroundDeletion');
  const policy = options.propagationPolicy;
  if (policy === 'Orphan') return [...others, 'orphan'];
  if (policy === 'Foreground') return [...others, 'foregroundDeletion'];
  if (policy === 'Background') return others;
  if (before.length !== others.length) return before;
  return resource.defaultPropagation === 'orphan' ? [...others, 'orphan'] : others;
}

/** Only pods end gracefully: those on a node that have not ended yet (podStrategy.CheckGracefulDelete). */
function graceFor(resource: Resource, old: KubeObject, options: DeleteOptions): number {
  if (resource.kind !== 'Pod') return 0;
  if (stringAt(old, 'spec', 'nodeName') === '') return 0;
  if (['Succeeded', 'Failed'].includes(stringAt(old, 'status', 'phase'))) return 0;
  const asked = options.gracePeriodSeconds ?? numberAt(old, 'spec', 'terminationGracePeriodSeconds') ?? 30;
  const grace = asked < 0 ? 1 : asked;
  // A pod that is ending already may be hurried, not given more time.
  return Math.min(grace, old.metadata.deletionGracePeriodSeconds ?? grace);
}

function takeOut(cluster: Cluster, resource: Resource, old: KubeObject, options: DeleteOptions): Removal {
  if (options.dryRun) return { gone: true, object: old };
  const key = objectKey(old.metadata.namespace, old.metadata.name);
  const removed = cluster.store.remove(resourceKey(resource), key) ?? old;
  const isHurried = removed.metadata.deletionTimestamp !== undefined;
  const metadata = { ...removed.metadata, ...(isHurried && { deletionGracePeriodSeconds: 0 }) };
  return { gone: true, object: { ...removed, metadata } };
}
