import type { Cluster } from '../cluster.ts';
import { updateObject } from '../operations/update.ts';
import { resourceKey } from '../resources/resource.ts';
import type { Resource } from '../resources/resource.ts';
import type { LabelMatcher } from '../selectors/labels.ts';
import { draftOf } from '../types.ts';
import type { Draft, KubeObject, OwnerReference } from '../types.ts';

const manager = 'kube-controller-manager';

/** A claim: the resource, the labels, and the candidate objects. */
export interface Claim {
  readonly resource: Resource;
  readonly matches: LabelMatcher;
  readonly isCandidate: (object: KubeObject) => boolean;
}

/** The owner that manages the object. */
export function controllerRefOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((each) => each.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerRefOf(object)?.uid === owner.metadata.uid;
}

/** The owner reference by which `owner` manages what it creates. */
export function buildControllerRef({ apiVersion, kind, metadata: { name, uid } }: KubeObject): OwnerReference {
  return {
    apiVersion,
    kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The objects of a resource in a namespace. */
export function inNamespace(
  cluster: Cluster,
  resource: { readonly group: string; readonly plural: string },
  namespace: string | undefined,
): readonly KubeObject[] {
  return [...cluster.all(resourceKey(resource)).values()].filter((each) => each.metadata.namespace === namespace);
}

/**
 * Returns the objects that `owner` manages. Adopts matching objects without a controller, and releases those that no longer
 * match (BaseControllerRefManager of pkg/controller/controller_ref_manager.go).
 */
export function claim(cluster: Cluster, owner: KubeObject, wanted: Claim): readonly KubeObject[] {
  const isGoing = owner.metadata.deletionTimestamp !== undefined;
  return inNamespace(cluster, wanted.resource, owner.metadata.namespace).flatMap((object) => {
    if (!wanted.isCandidate(object)) return [];
    const controller = controllerRefOf(object);
    const matches = wanted.matches(object.metadata.labels ?? {});
    if (controller !== undefined && controller.uid !== owner.metadata.uid) return [];
    if (controller !== undefined) {
      if (!matches && !isGoing) writeOwners(cluster, wanted.resource, object, without(object, owner));
      return matches ? [object] : [];
    }
    if (!matches || isGoing || object.metadata.deletionTimestamp !== undefined) return [];
    return [
      writeOwners(cluster, wanted.resource, object, [
        ...(object.metadata.ownerReferences ?? []),
        buildControllerRef(owner),
      ]),
    ];
  });
}

function writeOwners(
  cluster: Cluster,
  resource: Resource,
  object: KubeObject,
  owners: readonly OwnerReference[],
): KubeObject {
  function change(old: KubeObject): Draft {
    const draft = draftOf(old);
    draft.metadata['ownerReferences'] = owners.map((each) => ({ ...each }));
    return draft;
  }
  const { namespace, name } = object.metadata;
  return updateObject(cluster, resource, namespace, name, change, { manager, dryRun: false });
}

function without(object: KubeObject, owner: KubeObject): readonly OwnerReference[] {
  return (object.metadata.ownerReferences ?? []).filter((each) => each.uid !== owner.metadata.uid);
}
