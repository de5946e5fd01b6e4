import { isDeepStrictEqual } from 'node:util';
import type { Cluster } from '../cluster.ts';
import { recordUpdate } from '../fields/record.ts';
import { listAt, objectsAt, omit, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { objectKey, resourceKey } from '../resources/resource.ts';
import type { Faults, Resource } from '../resources/resource.ts';
import { badRequest, conflict, invalid, modified, notFound, notImplemented } from '../status.ts';
import { isKubeObject, shallowDraftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { invalidValue } from '../validation/faults.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import { canonical, throwIfFaulty } from './write.ts';
import type { WriteOptions } from './write.ts';

export interface UpdateOptions extends WriteOptions {
  /** The draft's managedFields are right already (server-side apply worked them out). */
  readonly keepManagedFields?: boolean;
  /** The caller sent a whole object (PUT), so its uid is a precondition. */
  readonly isReplacement?: boolean;
}

const systemFields = ['namespace', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generateName'] as const;

/**
 * Replaces an object by the draft that `change` makes of it. Nothing is written, and the resourceVersion stays, when
 * the draft says what is stored already. Throws what the API server would answer.
 */
export function updateObject(
  cluster: Cluster,
  resource: Resource,
  namespace: string | undefined,
  name: string,
  change: (old: KubeObject) => Draft,
  options: UpdateOptions,
): KubeObject {
  const old = cluster.get(resourceKey(resource), objectKey(namespace, name));
  if (old === undefined) throw notFound(resource, name);
  if (resource.readOnly !== undefined) throw notImplemented(`writing ${resource.readOnly}`);
  const isStatus = options.subresource === 'status';
  const draft = isStatus ? statusDraft(resource, old, change(old)) : canonical(resource, change(old));
  checkIdentity(resource, namespace, old, draft, options);
  keepSystemFields(draft, old);
  if (options.keepManagedFields !== true) recordUpdate(resource, old, draft, options, cluster.now());
  prepare(cluster, resource, draft, old, options);
  const final = isStatus ? draft : canonical(resource, draft);
  if (options.subresource === undefined || options.subresource === 'scale') bumpGeneration(resource, final, old);
  const faults: Faults = [];
  validateMetadata(final, resource, faults);
  validateMetadataUpdate(final, old, faults);
  validateSpec(resource, final, old, faults, options);
  throwIfFaulty(resource, name, faults);
  return store(cluster, resource, final, old, options);
}

/** The object with another status; of the metadata, the owners stay too. Everything else is shared with the old object. */
function statusDraft(resource: Resource, old: KubeObject, given: Draft): Draft {
  const metadata = { ...given.metadata, ownerReferences: old.metadata.ownerReferences };
  const changed = canonical(resource, { metadata, status: given['status'] });
  return { ...old, metadata: changed.metadata, status: changed['status'] };
}

function checkIdentity(
  resource: Resource,
  namespace: string | undefined,
  old: KubeObject,
  draft: Draft,
  options: UpdateOptions,
): void {
  const { metadata } = draft;
  const name = old.metadata.name;
  const draftName = stringAt(metadata, 'name');
  if (draftName === '')
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (draftName !== name)
    throw badRequest(`the name of the object (${draftName}) does not match the name on the URL (${name})`);
  const draftNamespace = stringAt(metadata, 'namespace');
  if (draftNamespace !== '' && draftNamespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const uid = stringAt(metadata, 'uid');
  if (options.isReplacement === true && uid !== '' && uid !== old.metadata.uid) {
    const path = objectKey(namespace, name);
    throw conflict(
      resource,
      name,
      `StorageError: invalid object, Code: 4, Key: /registry/${resource.plural}/${path}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  const resourceVersion = stringAt(metadata, 'resourceVersion');
  if (resourceVersion === '' && !resource.unconditionalUpdate) {
    const fault = {
      ...invalidValue('metadata.resourceVersion', 0, 'must be specified for an update'),
      message: 'Invalid value: 0x0: must be specified for an update',
    };
    throw invalid(resource.plural, resource.group, name, [fault]);
  }
  if (resourceVersion !== '' && resourceVersion !== old.metadata.resourceVersion) throw modified(resource, name);
}

/** Keeps the fields that callers may omit from an update, and those that they may not choose. */
function keepSystemFields(draft: Draft, old: KubeObject): void {
  for (const field of systemFields) {
    const before = old.metadata[field];
    if (before !== undefined) draft.metadata[field] ??= before;
  }
  if (old.metadata.generation !== undefined) draft.metadata['generation'] = old.metadata.generation;
  else delete draft.metadata['generation'];
  draft.metadata['creationTimestamp'] = old.metadata.creationTimestamp;
  draft.metadata['resourceVersion'] = old.metadata.resourceVersion;
}

function prepare(cluster: Cluster, resource: Resource, draft: Draft, old: KubeObject, options: UpdateOptions): void {
  if (options.subresource === undefined) resource.prepareForUpdate?.(draft, old, cluster);
}

function bumpGeneration(resource: Resource, draft: Draft, old: KubeObject): void {
  if (!resource.countsGenerations || isDeepStrictEqual(draft['spec'], old['spec'])) return;
  draft.metadata['generation'] = (old.metadata.generation ?? 0) + 1;
}

function validateSpec(resource: Resource, draft: Draft, old: KubeObject, faults: Faults, options: UpdateOptions): void {
  if (options.subresource === 'status') {
    resource.validateStatusUpdate?.(draft, old, faults);
    return;
  }
  // Binding and scaling declare their changes.
  if (options.subresource !== undefined) return;
  resource.validate?.(draft, faults);
  resource.validateUpdate?.(draft, old, faults);
}

function store(
  cluster: Cluster,
  resource: Resource,
  draft: Draft,
  old: KubeObject,
  options: UpdateOptions,
): KubeObject {
  if (isSame(draft, old)) return old;
  if (options.dryRun) {
    if (!isKubeObject(draft)) throw new Error('a dry run made no object');
    return draft;
  }
  const key = objectKey(old.metadata.namespace, old.metadata.name);
  const isLastFinalizer =
    draft.metadata['deletionTimestamp'] !== undefined &&
    listAt(draft.metadata, 'finalizers').length === 0 &&
    (draft.metadata['deletionGracePeriodSeconds'] ?? 0) === 0;
  if (!isLastFinalizer) return cluster.store.put(resourceKey(resource), key, draft);
  return cluster.store.transaction(() => {
    cluster.store.put(resourceKey(resource), key, draft);
    return cluster.store.remove(resourceKey(resource), key) ?? old;
  });
}

/** A write that changes only the times of managedFields is no change. */
function isSame(draft: Draft, old: KubeObject): boolean {
  function timeless(object: Fields): Fields {
    const metadata = object['metadata'];
    const entries = objectsAt(object, 'metadata', 'managedFields').map((entry) => omit(entry, 'time'));
    return { ...object, metadata: { ...(typeof metadata === 'object' ? metadata : {}), managedFields: entries } };
  }
  return isDeepStrictEqual(timeless(draft), timeless({ ...old }));
}

/** A change that sets the status and leaves the rest, for controllers and the kubelet's binding. */
export function withStatus(status: Fields) {
  return (old: KubeObject): Draft => ({ ...shallowDraftOf(old), status });
}
