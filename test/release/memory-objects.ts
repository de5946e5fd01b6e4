import type { FieldConflict, KubeObject, ManagedFields, ObjectRef, Objects } from '../../src/cluster/release-port.ts';
import { unionFields } from '../../src/release/ownership.ts';
import { matchesSelector } from '../helpers/label-selector.ts';

/** Objects in memory, with server-side apply to the leaf: maps are merged, lists are one value. */
export interface MemoryObjects extends Objects {
  all(): readonly KubeObject[];
  /** Writes as another manager would, by Update. */
  put(object: KubeObject, manager?: string): void;
  /** Changes of controllers: no ownership, no conflict. */
  setStatus(ref: ObjectRef, change: Record<string, unknown>, annotations?: Record<string, string>): void;
  remove(ref: ObjectRef): void;
}

type Fields = Record<string, unknown>;
interface Stored {
  object: KubeObject;
  /** Leaf path -> who set it. */
  owners: Map<string, Set<string>>;
}

const OURS = 'tensorio-trigger/Apply';
const SEPARATOR = '\u0000';

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const leavesOf = (value: unknown, path = ''): [string, unknown][] => {
  if (!isFields(value) || (path !== '' && Object.keys(value).length === 0)) return path === '' ? [] : [[path, value]];
  return Object.entries(value).flatMap(([key, member]) =>
    leavesOf(member, path === '' ? key : `${path}${SEPARATOR}${key}`),
  );
};

const IDENTITY: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'status']);

/** What a manager can own: of the metadata, labels, annotations and owners only. */
const ownable = (object: KubeObject): [string, unknown][] =>
  leavesOf(object).filter(([path]) => {
    const [first = '', second = ''] = path.split(SEPARATOR);
    if (first !== 'metadata') return !IDENTITY.has(first);
    return ['labels', 'annotations', 'ownerReferences'].includes(second);
  });

const setAt = (object: Fields, path: string, value: unknown): void => {
  const steps = path.split(SEPARATOR);
  const last = steps.pop() ?? '';
  let at = object;
  for (const step of steps) {
    const next = at[step];
    if (isFields(next)) at = next;
    else {
      const made: Fields = {};
      at[step] = made;
      at = made;
    }
  }
  at[last] = structuredClone(value);
};

const getAt = (object: unknown, path: string): unknown =>
  path.split(SEPARATOR).reduce<unknown>((at, step) => (isFields(at) ? at[step] : undefined), object);

const deleteAt = (object: Fields, path: string): void => {
  const steps = path.split(SEPARATOR);
  const last = steps.pop() ?? '';
  const parent = steps.length === 0 ? object : getAt(object, steps.join(SEPARATOR));
  if (!isFields(parent)) return;
  delete parent[last];
  if (Object.keys(parent).length === 0 && steps.length > 1) deleteAt(object, steps.join(SEPARATOR));
};

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

const keyOf = ({ apiVersion, kind, namespace, name }: ObjectRef): string =>
  `${apiVersion}/${kind}/${namespace}/${name}`;
const refOf = ({ apiVersion, kind, metadata }: KubeObject): ObjectRef => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

/** A leaf path in FieldsV1 form, and the leaf paths of a set. */
const fieldSetOf = (path: string): Fields =>
  path.split(SEPARATOR).reduceRight<Fields>((below, step) => ({ [`f:${step}`]: below }), {});
const leafPaths = (set: Fields): string[] =>
  leavesOf(set).map(([path]) =>
    path
      .split(SEPARATOR)
      .map((element) => element.slice('f:'.length))
      .join(SEPARATOR),
  );

const managersOf = ({ object, owners }: Stored): ManagedFields[] => {
  const byManager = new Map<string, Record<string, unknown>>();
  for (const [path, names] of owners) {
    for (const name of names) byManager.set(name, unionFields(byManager.get(name) ?? {}, fieldSetOf(path)));
  }
  return [...byManager].map(([name, fieldsV1]) => {
    const [manager = '', operation = ''] = name.split('/');
    return { manager, operation: operation === 'Apply' ? 'Apply' : 'Update', apiVersion: object.apiVersion, fieldsV1 };
  });
};

const immutableFields: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec\u0000selector'],
  Service: ['spec\u0000clusterIP'],
};

export const createMemoryObjects = (now: () => Date): MemoryObjects => {
  const stored = new Map<string, Stored>();
  let version = 0;

  const shown = (entry: Stored): KubeObject => {
    const { object } = entry;
    return structuredClone({ ...object, metadata: { ...object.metadata, managedFields: managersOf(entry) } });
  };

  const begin = (object: KubeObject): Stored => {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace = '' } = metadata;
    version += 1;
    const fresh: KubeObject = {
      apiVersion,
      kind,
      metadata: {
        name,
        namespace,
        uid: `uid-${version}`,
        resourceVersion: String(version),
        generation: 1,
        creationTimestamp: now().toISOString(),
      },
    };
    if (kind !== 'Service') return { object: fresh, owners: new Map() };
    return { object: { ...fresh, spec: { clusterIP: `10.0.0.${version}` } }, owners: new Map() };
  };

  const finish = (entry: Stored, before: KubeObject | undefined): void => {
    const { object } = entry;
    if (before !== undefined && same(before, object)) return;
    version += 1;
    const isSpecChange = before !== undefined && !same(before['spec'], object['spec']);
    const generation = (object.metadata.generation ?? 1) + (isSpecChange ? 1 : 0);
    entry.object = { ...object, metadata: { ...object.metadata, resourceVersion: String(version), generation } };
  };

  const conflictsOf = (entry: Stored, config: readonly [string, unknown][], manager: string): FieldConflict[] =>
    config.flatMap(([path, value]) => {
      const others = [...(entry.owners.get(path) ?? [])].filter((name) => name !== manager);
      const isSame = same(getAt(entry.object, path), value);
      return others.length === 0 || isSame
        ? []
        : others.map((name) => ({ field: path.replaceAll(SEPARATOR, '.'), manager: name.split('/')[0] ?? '' }));
    });

  const write = (entry: Stored, config: readonly [string, unknown][], manager: string): void => {
    const object: Fields = structuredClone({ ...entry.object });
    const kept = new Set(config.map(([path]) => path));
    for (const [path, names] of entry.owners) {
      if (kept.has(path) || !names.delete(manager)) continue;
      if (names.size > 0) continue;
      entry.owners.delete(path);
      deleteAt(object, path);
    }
    for (const [path, value] of config) {
      const owners = entry.owners.get(path) ?? new Set<string>();
      if (!same(getAt(object, path), value)) owners.clear();
      entry.owners.set(path, owners.add(manager));
      setAt(object, path, value);
    }
    entry.object = object as KubeObject;
  };

  const clone = ({ object, owners }: Stored): Stored => ({
    object: structuredClone(object),
    owners: new Map([...owners].map(([path, names]) => [path, new Set(names)])),
  });

  return {
    all: () => [...stored.values()].map(shown),
    put: (object, manager = 'somebody') => {
      const key = keyOf(refOf(object));
      const entry = stored.get(key) ?? begin(object);
      const before = structuredClone(entry.object);
      write(entry, ownable(object), `${manager}/Update`);
      finish(entry, before);
      stored.set(key, entry);
    },
    setStatus: (ref, status, annotations) => {
      const entry = stored.get(keyOf(ref));
      if (entry === undefined) return;
      const { object } = entry;
      entry.object = {
        ...object,
        status,
        ...(annotations !== undefined && {
          metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
        }),
      };
    },
    remove: (ref) => void stored.delete(keyOf(ref)),

    getObject: async (ref) => {
      if (ref.kind === 'Namespace') {
        return ref.name === 'absent' ? null : { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ref.name } };
      }
      const entry = stored.get(keyOf(ref));
      return entry === undefined ? null : shown(entry);
    },
    listObjects: async ({ apiVersion, kind, namespace }, selector) =>
      [...stored.values()]
        .map(shown)
        .filter(
          (object) =>
            object.apiVersion === apiVersion &&
            object.kind === kind &&
            object.metadata.namespace === namespace &&
            matchesSelector(selector, object.metadata.labels),
        ),
    applyObject: async (object, options) => {
      const key = keyOf(refOf(object));
      const found = stored.get(key);
      const entry = found === undefined ? begin(object) : clone(found);
      const config = ownable(object);
      const conflicts = conflictsOf(entry, config, OURS);
      if (conflicts.length > 0 && options?.force !== true) return { kind: 'conflict', conflicts };
      const before = structuredClone(entry.object);
      write(entry, config, OURS);
      const changed = (immutableFields[object.kind] ?? []).filter(
        (path) => found !== undefined && !same(getAt(before, path), getAt(entry.object, path)),
      );
      if (changed.length > 0) {
        const issues = changed.map((path) => ({
          path: path.replaceAll(SEPARATOR, '.'),
          message: 'field is immutable',
        }));
        return { kind: 'refused', immutable: true, issues };
      }
      finish(entry, found === undefined ? undefined : before);
      if (options?.dryRun !== true) stored.set(key, entry);
      return { kind: 'applied', object: shown(entry), created: found === undefined };
    },
    createObject: async (object) => {
      const key = keyOf(refOf(object));
      if (stored.has(key)) return 'exists';
      const entry = begin(object);
      write(entry, ownable(object), 'tensorio-trigger/Update');
      stored.set(key, entry);
      return shown(entry);
    },
    replaceObject: async (object) => {
      const entry = stored.get(keyOf(refOf(object)));
      if (entry?.object.metadata.resourceVersion !== object.metadata.resourceVersion || entry === undefined)
        return 'conflict';
      const before = structuredClone(entry.object);
      write(entry, ownable(object), 'tensorio-trigger/Update');
      finish(entry, before);
      return shown(entry);
    },
    deleteObject: async (ref, { uid, resourceVersion }) => {
      const metadata = stored.get(keyOf(ref))?.object.metadata;
      const isIt =
        metadata?.uid === uid && (resourceVersion === undefined || metadata.resourceVersion === resourceVersion);
      if (!isIt) return 'absent';
      stored.delete(keyOf(ref));
      return 'deleted';
    },
    replaceManagedFields: async (object, managedFields, options) => {
      const entry = stored.get(keyOf(refOf(object)));
      if (entry === undefined || entry.object.metadata.resourceVersion !== object.metadata.resourceVersion)
        return 'conflict';
      entry.owners = new Map();
      for (const { manager, operation, fieldsV1 = {} } of managedFields) {
        for (const path of leafPaths(fieldsV1)) {
          entry.owners.set(path, (entry.owners.get(path) ?? new Set()).add(`${manager}/${operation}`));
        }
      }
      const labels = options?.labels;
      if (labels !== undefined) {
        entry.object = { ...entry.object, metadata: { ...entry.object.metadata, labels } };
        for (const path of entry.owners.keys()) if (getAt(entry.object, path) === undefined) entry.owners.delete(path);
      }
      finish(entry, undefined);
      return shown(entry);
    },
  };
};
