import { MANAGED_BY } from '../jobs/manifest.ts';
import type { FieldConflict, KubeObject, ManagedFields } from '../cluster/release-port.ts';
import type { FieldSet } from './field-sets.ts';
import { redact } from './diff.ts';
import { pathsOf, subtractFields, unionFields, valueAt } from './field-sets.ts';
import { MANAGED_BY_LABEL, RELEASE_LABEL } from './manifests/labels.ts';
import type { TakenField } from './records.ts';

/** Our field manager, as the API server records it. */
export const OUR_MANAGER = 'tensorio-trigger';

/**
 * Managers whose fields may become ours: helm 2 to 4, `kubectl apply` of the client-side kind (the last one is what the
 * API server calls whoever wrote an object before server-side apply was used on it), and this service by other verbs.
 */
const MOVABLE: ReadonlySet<string> = new Set([
  OUR_MANAGER,
  'helm',
  'Helm',
  'tiller',
  'Tiller',
  'kubectl-client-side-apply',
  'before-first-apply',
]);
/** What helm 3.0 to 3.6 is called: by itself it says nothing of who it was. */
const GO_CLIENT = 'Go-http-client';

const HELM_RELEASE = 'meta.helm.sh/release-name';
const HELM_NAMESPACE = 'meta.helm.sh/release-namespace';

export type Owner =
  | { readonly kind: 'ours' }
  | { readonly kind: 'other-release'; readonly release: string }
  | { readonly kind: 'helm'; readonly release: string; readonly namespace: string }
  | { readonly kind: 'other'; readonly who: string };

const DROPPED_ANNOTATIONS: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
]);
// Given by the cluster, and refused where the object is made anew.
const DROPPED_SPEC: ReadonlySet<string> = new Set(['clusterIP', 'clusterIPs', 'healthCheckNodePort']);

export function isMovable(live: KubeObject, manager: string): boolean {
  return MOVABLE.has(manager) || (manager === GO_CLIENT && isHelmObject(live));
}

function isHelmObject({ metadata }: KubeObject): boolean {
  return (
    metadata.annotations?.[HELM_RELEASE] !== undefined ||
    metadata.labels?.[MANAGED_BY_LABEL] === 'Helm' ||
    metadata.labels?.[MANAGED_BY_LABEL] === 'Tiller' ||
    metadata.labels?.['heritage'] === 'Tiller'
  );
}

/** Which fields of other managers an apply may take over: those of helm and kubectl apply, or all that conflict. */
export interface Takeover {
  readonly adopt: boolean;
  readonly force: boolean;
}

export function mayTake(live: KubeObject, conflicts: readonly FieldConflict[], { adopt, force }: Takeover): boolean {
  return force || (adopt && conflicts.every(({ manager }) => isMovable(live, manager)));
}

/** The conflicts with the values that `live` has, secrets in plain text hidden. */
export function takenFields(live: KubeObject, conflicts: readonly FieldConflict[]): TakenField[] {
  const shown = redact(live);
  const { kind, metadata } = live;
  return conflicts.map(({ field, manager }) => ({
    kind,
    name: metadata.name,
    field,
    manager,
    value: valueAt(shown, field),
  }));
}

/** Whose object it is. */
export function ownerOf(live: KubeObject, release: string): Owner {
  const { labels = {}, annotations = {}, namespace = '', managedFields = [] } = live.metadata;
  const ours = labels[RELEASE_LABEL];
  if (ours === release) return { kind: 'ours' };
  if (ours !== undefined) return { kind: 'other-release', release: ours };
  const helm = annotations[HELM_RELEASE] ?? (isHelmObject(live) ? (labels['release'] ?? release) : undefined);
  if (helm !== undefined) return { kind: 'helm', release: helm, namespace: annotations[HELM_NAMESPACE] ?? namespace };
  const managers = [...new Set(managedFields.map(({ manager }) => manager))].filter((name) => name !== MANAGED_BY);
  return { kind: 'other', who: managers.length === 0 ? 'nobody that it names' : managers.join(', ') };
}

/**
 * Paths of the fields that an adoption of `live` drops: those that only helm or kubectl set. `result` is what an apply of
 * ours makes of the object, as a dry run answers it: it does not see that the fields become ours first.
 */
export function droppedFields(live: KubeObject, result: KubeObject): string[] {
  const entries = live.metadata.managedFields ?? [];
  const kept = [
    ...(result.metadata.managedFields ?? []).filter(isOurs),
    ...entries.filter((entry) => !isOurs(entry) && !isMoved(live, entry)),
  ];
  return pathsOf(subtractFields(fieldsOf(entries.filter((entry) => isMoved(live, entry))), fieldsOf(kept)));
}

function isOurs(entry: ManagedFields): boolean {
  return entry.manager === OUR_MANAGER && entry.operation === 'Apply';
}

function isMoved(live: KubeObject, entry: ManagedFields): boolean {
  return !isOurs(entry) && (entry.subresource ?? '') === '' && isMovable(live, entry.manager);
}

function fieldsOf(entries: readonly ManagedFields[]): FieldSet {
  return entries.reduce<FieldSet>((union, { fieldsV1 = {} }) => unionFields(union, fieldsV1), {});
}

/**
 * `managedFields` of an object whose movable managers' fields are ours by Apply, or `null` when there is nothing to
 * move. Without it, a field that helm set and our objects do not have would stay for ever: an apply removes only what
 * its own manager had applied. As k8s.io/client-go/util/csaupgrade does for kubectl.
 */
export function moveFields(live: KubeObject): readonly ManagedFields[] | null {
  const all = live.metadata.managedFields ?? [];
  function moves(entry: ManagedFields): boolean {
    return isMoved(live, entry);
  }
  const moved = all.filter(moves);
  if (moved.length === 0) return null;
  const ours = all.find(isOurs);
  const fieldsV1 = fieldsOf([...(ours === undefined ? [] : [ours]), ...moved]);
  const merged: ManagedFields = {
    manager: OUR_MANAGER,
    operation: 'Apply',
    apiVersion: live.apiVersion,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(moved[0]?.time !== undefined && { time: moved[0].time }),
  };
  return [merged, ...all.filter((entry) => !isOurs(entry) && !moves(entry))];
}

/** An object as it was found, fit to be applied again; it carries the release's label, by which it is guarded. */
export function asFound(live: KubeObject, release: string): KubeObject {
  const { name, namespace, labels, annotations = {} } = live.metadata;
  const kept = Object.entries(annotations).filter(([key]) => !DROPPED_ANNOTATIONS.has(key));
  const spec = Object.entries(live['spec'] ?? {}).filter(([key]) => !DROPPED_SPEC.has(key));
  return {
    apiVersion: live.apiVersion,
    kind: live.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [RELEASE_LABEL]: release },
      ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
    },
    spec: Object.fromEntries(spec),
  };
}

/** How the records of a helm release are removed once its objects are ours. */
export function helmRemoval(release: string, namespace: string): string {
  return `helm still lists release "${release}". Its records are the Secrets sh.helm.release.v1.${release}.v*; remove them, never "helm uninstall": kubectl delete secret --namespace ${namespace} --selector owner=helm,name=${release}`;
}
