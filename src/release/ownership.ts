import type { FieldConflict, KubeObject, ManagedFields, ObjectMetadata } from '../cluster/release-port.ts';
import { MANAGED_BY } from '../jobs/manifest.ts';
import { redact } from './diff.ts';
import { MANAGED_BY_LABEL, RELEASE_LABEL } from './names.ts';
import type { TakenField } from './diff.ts';

/** Our field manager. */
export const OUR_MANAGER = 'tensorio-trigger';

/**
 * Managers whose fields an adoption moves to ours: helm 2 to 4, the commands of kubectl that write whole objects, and this
 * service by other verbs. `before-first-apply` is the API server's name for the manager of an object before its first server-side apply.
 */
const MOVABLE: ReadonlySet<string> = new Set([
  OUR_MANAGER,
  'helm',
  'Helm',
  'tiller',
  'Tiller',
  'kubectl-client-side-apply',
  'kubectl-create',
  'kubectl-replace',
  'kubectl-run',
  'kubectl-expose',
  'before-first-apply',
]);
/** The manager of helm 3.0 to 3.6, and of every other Go client that sets none. */
const GO_CLIENT = 'Go-http-client';

const HELM_RELEASE = 'meta.helm.sh/release-name';
const HELM_NAMESPACE = 'meta.helm.sh/release-namespace';

export type Owner =
  | { readonly kind: 'ours' }
  /** It has the label of the release, whose records do not contain it: an earlier adoption or a lost record left it. */
  | { readonly kind: 'left' }
  | { readonly kind: 'other-release'; readonly release: string }
  | { readonly kind: 'helm'; readonly release: string; readonly namespace: string }
  | { readonly kind: 'other'; readonly who: string };

const DROPPED_ANNOTATIONS: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deployment.kubernetes.io/revision',
]);
// Allocated by the cluster; a create with these values is refused.
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

/** The conflicting fields with their live values; secrets in plain text are hidden. */
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

/** The owner of an object. `isRecorded`: the inventory of the release contains it. */
export function ownerOf(live: KubeObject, release: string, isRecorded: boolean): Owner {
  const { labels = {}, annotations = {}, namespace = '', managedFields = [] } = live.metadata;
  const ours = labels[RELEASE_LABEL];
  if (ours === release) return { kind: isRecorded ? 'ours' : 'left' };
  if (ours !== undefined) return { kind: 'other-release', release: ours };
  const helm = annotations[HELM_RELEASE] ?? (isHelmObject(live) ? (labels['release'] ?? release) : undefined);
  if (helm !== undefined) return { kind: 'helm', release: helm, namespace: annotations[HELM_NAMESPACE] ?? namespace };
  const managers = [...new Set(managedFields.map(({ manager }) => manager))].filter((name) => name !== MANAGED_BY);
  return { kind: 'other', who: managers.length === 0 ? 'none' : managers.join(', ') };
}

/**
 * Paths of the fields that an adoption of `live` removes: those that only helm or kubectl set. `result` is the answer of
 * the dry run, which still contains them because the fields are moved only before the real apply.
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
 * The `managedFields` with the fields of helm and kubectl moved to our manager, or `null` if there are none. An apply
 * removes only fields of its own manager, so that a field which only helm set would stay forever otherwise.
 * k8s.io/client-go/util/csaupgrade does the same for kubectl.
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

/**
 * The ownership and the labels of an object that the release gives up: our fields become helm's, so that helm 4 removes
 * those that its chart does not contain, and our labels are gone.
 */
export function releasedFields(live: KubeObject): Pick<ObjectMetadata, 'labels' | 'managedFields'> {
  const { [RELEASE_LABEL]: _release, [MANAGED_BY_LABEL]: managedBy, ...rest } = live.metadata.labels ?? {};
  const labels = {
    ...rest,
    ...(managedBy !== undefined && managedBy !== MANAGED_BY && { [MANAGED_BY_LABEL]: managedBy }),
  };
  const gone = [RELEASE_LABEL, ...(MANAGED_BY_LABEL in labels ? [] : [MANAGED_BY_LABEL])];
  const removed = { 'f:metadata': { 'f:labels': Object.fromEntries(gone.map((label) => [`f:${label}`, {}])) } };
  const all = live.metadata.managedFields ?? [];
  const helms = all.find(({ manager, operation }) => manager === 'helm' && operation === 'Apply');
  const managedFields = all.flatMap((entry) => {
    if (entry === helms && all.some(isOurs)) return [];
    if (!isOurs(entry)) return [entry];
    const fieldsV1 = subtractFields(fieldsOf(helms === undefined ? [entry] : [helms, entry]), removed);
    return [{ ...entry, manager: 'helm', fieldsV1 }];
  });
  return { labels, managedFields };
}

/** How helm takes over what `DELETE ?keep=true` left. */
export function helmTakeover(release: string, namespace: string): string {
  return `The objects stay. helm takes them over with: helm upgrade --install ${release} CHART --namespace ${namespace} --values VALUES.yaml --take-ownership`;
}

/** A live object in a form that can be applied again, with the release's label added. */
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

/** How to remove the records of a helm release after its adoption. */
export function helmRemoval(release: string, namespace: string): string {
  return `helm still lists release "${release}". Its records are the Secrets sh.helm.release.v1.${release}.v*; remove them, never "helm uninstall": kubectl delete secret --namespace ${namespace} --selector owner=helm,name=${release}`;
}

/**
 * Sets of fields in FieldsV1 form: keys are path elements, an empty set is a leaf.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1)
 */
export type FieldSet = Readonly<Record<string, unknown>>;

/** The element for the list entry or map itself. */
const SELF = '.';
const BRACKETS = /^\[((?:"(?:[^"\\]|\\.)*"|[^\]"])*)\]/;
const KEY_VALUE = /(\w*)=("(?:[^"\\]|\\.)*"|[^,]+)/g;

export function unionFields(a: FieldSet, b: FieldSet): FieldSet {
  const union: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const own = union[key];
    union[key] = isFieldSet(own) && isFieldSet(value) ? unionFields(own, value) : value;
  }
  return union;
}

function isFieldSet(value: unknown): value is FieldSet {
  return typeof value === 'object' && value !== null;
}

/** The fields of `a` that are not in `b`. A leaf of `b` covers everything below it. */
export function subtractFields(a: FieldSet, b: FieldSet): FieldSet {
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(a)) {
    const other = b[key];
    if (!isFieldSet(other)) rest[key] = value;
    else if (isFieldSet(value) && !isLeaf(value) && !isLeaf(other)) {
      const below = subtractFields(value, other);
      if (!isLeaf(below)) rest[key] = below;
    }
  }
  return rest;
}

function isLeaf(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** The paths of a set in readable form. A list entry that is contained as a whole is one path. */
export function pathsOf(set: FieldSet, path = ''): string[] {
  return Object.entries(set).flatMap(([element, below]) => {
    // Marks the map itself, which is no field.
    if (element === SELF) return [];
    const here = join(path, stepOf(element));
    const isWhole = !isFieldSet(below) || isLeaf(below) || (element.startsWith('k:') && SELF in below);
    return isWhole ? [here] : pathsOf(below, here);
  });
}

/**
 * The value at a path in the form of a conflict's field, `spec.containers[name="flea"].image`, or `undefined`. Keys may
 * contain dots, so that the longest key that matches is taken.
 */
export function valueAt(value: unknown, path: string): unknown {
  if (path === '' || value === undefined) return value;
  const [element, content = ''] = BRACKETS.exec(path) ?? [];
  if (element !== undefined) {
    return Array.isArray(value) ? valueAt(entryOf(value, content), path.slice(element.length)) : undefined;
  }
  if (!isFieldSet(value)) return undefined;
  const rest = path.startsWith('.') ? path.slice(1) : path;
  const [key] = Object.keys(value)
    .filter((one) => rest.startsWith(one) && /^($|[.[])/.test(rest.slice(one.length)))
    .toSorted((a, b) => b.length - a.length);
  return key === undefined ? undefined : valueAt(value[key], rest.slice(key.length));
}

/** The entry of a list: by its index, its value (`="x"`) or its keys (`name="x",port=80`). */
function entryOf(list: readonly unknown[], content: string): unknown {
  if (/^\d+$/.test(content)) return list[Number(content)];
  const pairs = [...content.matchAll(KEY_VALUE)].map(([, key = '', text = '']) => [key, parsed(text)] as const);
  return list.find((entry) =>
    pairs.every(([key, wanted]) => (key === '' ? entry : isFieldSet(entry) ? entry[key] : undefined) === wanted),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function join(path: string, step: string): string {
  return path === '' || step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
}

/** `k:{"name":"x"}` and `v:"x"` as `[x]`, `f:a` as `a`. */
function stepOf(element: string): string {
  const [kind, text] = [element.slice(0, 2), element.slice(2)];
  if (kind !== 'k:' && kind !== 'v:') return text;
  const value: unknown = JSON.parse(text);
  return `[${isFieldSet(value) ? Object.values(value).join(',') : String(value)}]`;
}
