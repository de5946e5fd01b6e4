import * as z from 'zod';
import type { KubeObject } from '../cluster/release-port.ts';
import { UpstreamError } from '../errors.ts';
import { MANAGED_BY } from '../jobs/manifest.ts';
import { MANAGED_BY_LABEL, RELEASE_LABEL, revisionName, stateName } from './names.ts';
import type { TakenField } from './diff.ts';

/** `release` for the pointer's ConfigMap, `revision` for a revision's. */
export const STATE_LABEL = 'tensorio-trigger/state';
const REVISION_LABEL = 'tensorio-trigger/revision';
const STATUS = 'tensorio-trigger/status';
const REASON = 'tensorio-trigger/reason';
const EVIDENCE = 'tensorio-trigger/evidence';
const FINISHED = 'tensorio-trigger/finished-at';
const TAKEN = 'tensorio-trigger/taken';
const END = 'tensorio-trigger/end';
// The annotations of an object may have 256 KiB in total.
const MAX_REASON = 2_000;
const MAX_EVIDENCE = 60_000;

const ItemSchema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string().optional(),
});

const PointerSchema = z.object({
  schemaVersion: z.literal(1),
  release: z.string(),
  current: z.int().nullable(),
  pending: z.int().nullable(),
  inventory: z.array(ItemSchema),
});

/** An object that the release owns or is about to create; `uid` is set once the object was read. */
export type Item = z.infer<typeof ItemSchema>;
/** The current and the pending revision, and the inventory: every object that either of them created. */
export type Pointer = z.infer<typeof PointerSchema>;

export type RevisionStatus = 'pending' | 'deployed' | 'superseded' | 'failed' | 'interrupted';
/** What was done about a failed revision. `failed`: nothing, its objects were kept. */
export type FailedEnd = 'rolled-back' | 'rollback-failed' | 'failed';
const FAILED_ENDS: readonly FailedEnd[] = ['rolled-back', 'rollback-failed', 'failed'];
const STATUSES: readonly RevisionStatus[] = ['pending', 'deployed', 'superseded', 'failed', 'interrupted'];

const RevisionDataSchema = z.object({
  schemaVersion: z.literal(1),
  release: z.string(),
  revision: z.int(),
  description: z.string(),
  requestId: z.string(),
  requestedBy: z.string().optional(),
  createdAt: z.string(),
  rendererVersion: z.string(),
  hash: z.string(),
  /** RFC 3339 time of the last requested restart, by component. */
  restartedAt: z.record(z.string(), z.string()),
});

const TakenSchema = z.object({
  kind: z.string(),
  name: z.string(),
  field: z.string(),
  manager: z.string(),
  value: z.unknown(),
});

/** A revision as its ConfigMap stores it. */
export interface Revision extends z.infer<typeof RevisionDataSchema> {
  /** The values document; `null` for the revision that records an adoption. */
  readonly values: unknown;
  readonly objects: readonly KubeObject[];
  readonly status: RevisionStatus;
  readonly reason?: string;
  readonly evidence?: unknown;
  readonly finishedAt?: string;
  readonly end?: FailedEnd;
  /** Fields taken over from other managers, by the revision or by the rollback from it. */
  readonly taken?: readonly TakenField[];
}

const ObjectsSchema = z.array(
  z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: z.looseObject({ name: z.string() }) }),
);

/** What is recorded about a revision after its creation. */
export interface RevisionNote extends Partial<Pick<Revision, 'status' | 'finishedAt' | 'taken'>> {
  readonly reason?: string | undefined;
  readonly evidence?: unknown;
  /** Of a failed revision. */
  readonly end?: FailedEnd;
}

/** The ConfigMap `tio-<release>`. */
export function buildPointerMap(namespace: string, pointer: Pointer): KubeObject {
  return {
    ...buildMap(namespace, pointer.release, stateName(pointer.release), 'release'),
    data: { pointer: JSON.stringify(pointer) },
  };
}

function buildMap(namespace: string, release: string, name: string, state: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name,
      namespace,
      labels: { [RELEASE_LABEL]: release, [MANAGED_BY_LABEL]: MANAGED_BY, [STATE_LABEL]: state },
    },
  };
}

/** Throws UpstreamError if the ConfigMap cannot be parsed, for example after a manual edit. */
export function readPointer(map: KubeObject): Pointer {
  return parse(map, () => PointerSchema.parse(JSON.parse(dataOf(map)['pointer'] ?? '')));
}

function parse<T>(map: KubeObject, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const { namespace, name } = map.metadata;
    throw new UpstreamError(
      `ConfigMap ${namespace}/${name}, which stores the state of a release, cannot be parsed. It may have been edited manually.`,
      { cause },
    );
  }
}

function dataOf(map: KubeObject): Readonly<Record<string, string>> {
  const entries = Object.entries(map['data'] ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}

/** The ConfigMap `tio-<release>.v<N>`. Its data is immutable; status, reason, evidence and taken fields are annotations. */
export function buildRevisionMap(namespace: string, revision: Revision): KubeObject {
  const {
    values,
    objects,
    status,
    reason: _reason,
    evidence: _evidence,
    finishedAt: _finishedAt,
    end: _end,
    taken,
    ...data
  } = revision;
  const map = buildMap(namespace, revision.release, revisionName(revision.release, revision.revision), 'revision');
  return {
    ...map,
    metadata: {
      ...map.metadata,
      labels: { ...map.metadata.labels, [REVISION_LABEL]: String(revision.revision) },
      annotations: { [STATUS]: status, ...takenAnnotation(taken) },
    },
    immutable: true,
    data: { revision: JSON.stringify(data), values: JSON.stringify(values), objects: JSON.stringify(objects) },
  };
}

export function readRevision(map: KubeObject): Revision {
  return parse(map, () => {
    const data = dataOf(map);
    const annotations = map.metadata.annotations ?? {};
    const evidence = readEvidence(annotations[EVIDENCE]);
    const reason = annotations[REASON];
    const finishedAt = annotations[FINISHED];
    const taken = readTaken(annotations[TAKEN]);
    const end = FAILED_ENDS.find((one) => one === annotations[END]);
    const objects: readonly object[] = ObjectsSchema.parse(JSON.parse(data['objects'] ?? ''));
    return {
      ...RevisionDataSchema.parse(JSON.parse(data['revision'] ?? '')),
      values: JSON.parse(data['values'] ?? 'null'),
      objects: objects.filter(isKubeObject),
      status: STATUSES.find((status) => status === annotations[STATUS]) ?? 'interrupted',
      ...(reason !== undefined && { reason }),
      ...(evidence !== undefined && { evidence }),
      ...(finishedAt !== undefined && { finishedAt }),
      ...(taken !== undefined && { taken }),
      ...(end !== undefined && { end }),
    };
  });
}

function readTaken(text: string | undefined): readonly TakenField[] | undefined {
  return text === undefined ? undefined : z.array(TakenSchema).parse(JSON.parse(text));
}

function readEvidence(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isKubeObject(object: object): object is KubeObject {
  return 'apiVersion' in object;
}

/** The revision's ConfigMap with the note added. */
export function withNote(map: KubeObject, note: RevisionNote): KubeObject {
  const evidence = evidenceText(note.evidence);
  const annotations = {
    ...map.metadata.annotations,
    ...(note.reason !== undefined && { [REASON]: note.reason.slice(0, MAX_REASON) }),
    ...(evidence !== undefined && { [EVIDENCE]: evidence }),
    ...takenAnnotation(note.taken),
    ...(note.status !== undefined && { [STATUS]: note.status }),
    ...(note.finishedAt !== undefined && { [FINISHED]: note.finishedAt }),
    ...(note.end !== undefined && { [END]: note.end }),
  };
  return { ...map, metadata: { ...map.metadata, annotations } };
}

function takenAnnotation(taken: readonly TakenField[] | undefined): Record<string, string> {
  if (taken === undefined || taken.length === 0) return {};
  const text = JSON.stringify(taken);
  if (text.length <= MAX_EVIDENCE) return { [TAKEN]: text };
  return { [TAKEN]: JSON.stringify(taken.map(({ value: _value, ...field }) => field)) };
}

function evidenceText(evidence: unknown): string | undefined {
  if (evidence === undefined) return undefined;
  const text = JSON.stringify(evidence);
  return text.length <= MAX_EVIDENCE ? text : JSON.stringify(`${text.slice(0, MAX_EVIDENCE / 2)}…`);
}

export function itemOf({ apiVersion, kind, metadata }: KubeObject, namespace: string, uid = metadata.uid): Item {
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? namespace,
    name: metadata.name,
    ...(uid !== undefined && { uid }),
  };
}

export function itemKey({ apiVersion, kind, namespace, name }: Omit<Item, 'uid'>): string {
  return `${apiVersion}/${kind}/${namespace}/${name}`;
}

/** The union of both lists. If both contain an object, the uid of the second entry wins if it has one. */
export function mergeItems(first: readonly Item[], second: readonly Item[]): Item[] {
  const merged = new Map(first.map((item) => [itemKey(item), item]));
  for (const item of second) merged.set(itemKey(item), { ...merged.get(itemKey(item)), ...item });
  return [...merged.values()];
}

/** The items of `old` that are not in `kept`. */
export function leftovers(old: readonly Item[], kept: readonly Item[]): Item[] {
  const keys = new Set(kept.map(itemKey));
  return old.filter((item) => !keys.has(itemKey(item)));
}
