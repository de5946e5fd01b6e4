import { randomUUID } from 'node:crypto';
import type { Cluster } from '../cluster.ts';
import { recordCreate } from '../fields/record.ts';
import { stringAt } from '../json.ts';
import { namespaces } from '../resources/namespaces.ts';
import { objectKey, resourceKey } from '../resources/resource.ts';
import type { Faults, Resource } from '../resources/resource.ts';
import { formatTime } from '../schema/time.ts';
import { alreadyExists, badRequest, forbidden, notFound, notImplemented, StatusError } from '../status.ts';
import { isKubeObject } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { validateMetadata } from '../validation/metadata.ts';
import { canonical, generateName, throwIfFaulty } from './write.ts';
import type { WriteOptions } from './write.ts';

/** How often a generated name that is taken is drawn anew. */
const nameAttempts = 8;

/**
 * Creates an object from a draft that has its defaults already. Throws what the API server would answer.
 * With `options.dryRun` nothing is stored, and the returned object has no resourceVersion.
 */
export function createObject(
  cluster: Cluster,
  resource: Resource,
  namespace: string | undefined,
  draft: Draft,
  options: WriteOptions & { readonly keepManagedFields?: boolean },
): KubeObject {
  if (resource.readOnly !== undefined) throw notImplemented(`writing ${resource.readOnly}`);
  checkTarget(cluster, resource, namespace, draft);
  const { metadata } = draft;
  if (namespace !== undefined) metadata['namespace'] = namespace;
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink']) delete metadata[field];
  if (options.keepManagedFields !== true) recordCreate(resource, draft, options.manager, cluster.now());
  metadata['uid'] = randomUUID();
  metadata['creationTimestamp'] = formatTime(cluster.now());
  if (resource.countsGenerations) metadata['generation'] = 1;
  nameObject(cluster, resource, namespace, draft);
  resource.prepareForCreate?.(draft, cluster);
  metadata['resourceVersion'] = '0';
  const final = canonical(resource, draft);
  const name = stringAt(metadata, 'name');
  validate(resource, final, name);
  resource.canonicalize?.(final);
  const key = objectKey(namespace, name);
  if (cluster.get(resourceKey(resource), key) !== undefined) throw alreadyExists(resource, name);
  if (!options.dryRun) return cluster.store.put(resourceKey(resource), key, final);
  delete final.metadata['resourceVersion'];
  if (!isKubeObject(final)) throw new Error('a dry run made no object');
  return final;
}

function checkTarget(cluster: Cluster, resource: Resource, namespace: string | undefined, draft: Draft): void {
  if (stringAt(draft.metadata, 'resourceVersion') !== '') {
    throw new StatusError(500, undefined, 'resourceVersion should not be set on objects to be created');
  }
  const own = stringAt(draft.metadata, 'namespace');
  if (own !== '' && own !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (namespace === undefined) return;
  const home = cluster.get('namespaces', namespace);
  if (home === undefined) throw notFound(namespaces, namespace);
  if (home.metadata.deletionTimestamp === undefined) return;
  const because = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  throw forbidden(resource, stringAt(draft.metadata, 'name'), because, [cause]);
}

function nameObject(cluster: Cluster, resource: Resource, namespace: string | undefined, draft: Draft): void {
  const base = stringAt(draft.metadata, 'generateName');
  if (stringAt(draft.metadata, 'name') !== '' || base === '') return;
  for (let attempt = 0; attempt < nameAttempts; attempt += 1) {
    const name = generateName(base);
    draft.metadata['name'] = name;
    if (cluster.get(resourceKey(resource), objectKey(namespace, name)) === undefined) return;
  }
}

function validate(resource: Resource, draft: Draft, name: string): void {
  const faults: Faults = [];
  validateMetadata(draft, resource, faults);
  resource.validate?.(draft, faults);
  throwIfFaulty(resource, name, faults);
}
