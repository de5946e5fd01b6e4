import type { ObjectRef } from './release-port.ts';

interface Resource {
  /** Its plural in paths, as RBAC names it too. */
  readonly plural: string;
  readonly apiVersion: string;
  readonly clusterScoped?: boolean;
}

/** The kinds that releases have or look at. */
const RESOURCES: Readonly<Record<string, Resource>> = {
  Namespace: { plural: 'namespaces', apiVersion: 'v1', clusterScoped: true },
  ConfigMap: { plural: 'configmaps', apiVersion: 'v1' },
  Service: { plural: 'services', apiVersion: 'v1' },
  Deployment: { plural: 'deployments', apiVersion: 'apps/v1' },
  ReplicaSet: { plural: 'replicasets', apiVersion: 'apps/v1' },
  EndpointSlice: { plural: 'endpointslices', apiVersion: 'discovery.k8s.io/v1' },
  Lease: { plural: 'leases', apiVersion: 'coordination.k8s.io/v1' },
  Mapping: { plural: 'mappings', apiVersion: 'getambassador.io/v3alpha1' },
  HTTPRoute: { plural: 'httproutes', apiVersion: 'gateway.networking.k8s.io/v1' },
};

export interface ObjectPath {
  readonly resource: string;
  readonly apiGroup: string;
  /** Of the collection, or of the object where a name is given. */
  readonly path: string;
}

/** Where the API serves an object or its collection. Throws TypeError for a kind that no release has. */
export function pathOf(ref: Omit<ObjectRef, 'name'> & { readonly name?: string }): ObjectPath {
  const resource = Object.hasOwn(RESOURCES, ref.kind) ? RESOURCES[ref.kind] : undefined;
  if (resource === undefined || resource.apiVersion !== ref.apiVersion) {
    throw new TypeError(`No release has objects of ${ref.apiVersion} ${ref.kind}.`);
  }
  const slash = ref.apiVersion.indexOf('/');
  const base = slash < 0 ? `/api/${ref.apiVersion}` : `/apis/${ref.apiVersion}`;
  const scope = resource.clusterScoped === true ? '' : `/namespaces/${encodeURIComponent(ref.namespace)}`;
  const name = ref.name === undefined ? '' : `/${encodeURIComponent(ref.name)}`;
  return {
    resource: resource.plural,
    apiGroup: slash < 0 ? '' : ref.apiVersion.slice(0, slash),
    path: `${base}${scope}/${resource.plural}${name}`,
  };
}
