import type { Cluster } from '../cluster.ts';
import { createObject } from '../operations/create.ts';
import { removeObject } from '../operations/remove.ts';
import { canonical } from '../operations/write.ts';
import { namespaces } from '../resources/namespaces.ts';
import { resourceKey } from '../resources/resource.ts';
import { resources } from '../resources/table.ts';
import type { KubeObject } from '../types.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { createWorkQueue } from './queue.ts';

/** Deletes the objects of namespaces that are being deleted, and then the namespaces. */
export function createNamespaceController({ cluster, report }: ControllerContext): Controller {
  const queue = createWorkQueue((name) => finalize(cluster, name), report);
  function consider(namespace: string | undefined): void {
    if (namespace === undefined) return;
    if (cluster.get('namespaces', namespace)?.metadata.deletionTimestamp !== undefined) queue.add(namespace);
  }
  const unsubscribe = cluster.store.subscribe(({ resource, type, object }) => {
    if (resource === 'namespaces') consider(object.metadata.name);
    else if (type === 'DELETED' || object.metadata.deletionTimestamp === undefined) consider(object.metadata.namespace);
  });
  for (const name of cluster.all('namespaces').keys()) consider(name);
  return {
    close: () => {
      unsubscribe();
      queue.close();
    },
  };
}

function finalize(cluster: Cluster, name: string): void {
  if (cluster.get('namespaces', name)?.metadata.deletionTimestamp === undefined) return;
  function contents(): readonly KubeObject[] {
    return resources
      .filter((resource) => resource.namespaced)
      .flatMap((resource) => [...cluster.all(resourceKey(resource)).values()])
      .filter((object) => object.metadata.namespace === name);
  }
  for (const object of contents()) {
    if (object.metadata.deletionTimestamp === undefined) removeFrom(cluster, name, object);
  }
  const namespace = cluster.get('namespaces', name);
  if (contents().length > 0 || (namespace?.metadata.finalizers ?? []).length > 0) return;
  cluster.store.remove('namespaces', name);
}

function removeFrom(cluster: Cluster, namespace: string, object: KubeObject): void {
  const resource = resources.find((each) => each.kind === object.kind);
  if (resource === undefined) return;
  removeObject(cluster, resource, namespace, object.metadata.name, { propagationPolicy: 'Background', dryRun: false });
}

/** The namespaces every cluster has, made at the first start. */
export function ensureNamespaces(cluster: Cluster): void {
  for (const name of ['default', 'kube-system']) {
    if (cluster.get('namespaces', name) !== undefined) continue;
    const draft = canonical(namespaces, { metadata: { name } });
    namespaces.applyDefaults?.(draft);
    createObject(cluster, namespaces, undefined, draft, { manager: 'kube-apiserver', dryRun: false });
  }
}
