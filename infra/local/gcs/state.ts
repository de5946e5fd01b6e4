import type { BucketRecord, ObjectRecord } from './records.ts';
import type { SortedNames } from './sorted-names.ts';
import { createSortedNames } from './sorted-names.ts';

/** What the journal holds: each entry is one acknowledged change. */
export type Entry =
  | { readonly kind: 'bucket'; readonly bucket: BucketRecord }
  | { readonly kind: 'bucket-deleted'; readonly name: string }
  /** `event`: a finalize event is due for it until `delivered` says otherwise. */
  | { readonly kind: 'object'; readonly object: ObjectRecord; readonly event: boolean }
  | { readonly kind: 'object-deleted'; readonly bucket: string; readonly name: string }
  | { readonly kind: 'event'; readonly object: ObjectRecord }
  | { readonly kind: 'delivered'; readonly generation: number }
  /** No later generation may be smaller. */
  | { readonly kind: 'clock'; readonly generation: number };

export interface Bucket {
  readonly record: BucketRecord;
  readonly objects: Map<string, ObjectRecord>;
  readonly names: SortedNames;
}

export interface State {
  readonly buckets: Map<string, Bucket>;
  /** Finalize events not yet delivered, by generation. */
  readonly events: Map<number, ObjectRecord>;
  /** How many objects share a blob file, by its id. */
  readonly files: Map<string, number>;
  lastGeneration: number;
}

/** The entries that give this state from nothing. */
export function* entriesOf(state: State): Generator<Entry, void, undefined> {
  yield { kind: 'clock', generation: state.lastGeneration };
  for (const { record, objects } of state.buckets.values()) {
    yield { kind: 'bucket', bucket: record };
    for (const object of objects.values()) yield { kind: 'object', object, event: false };
  }
  for (const object of state.events.values()) yield { kind: 'event', object };
}

/** Nothing yet. */
export function createState(): State {
  return {
    buckets: new Map(),
    events: new Map(),
    files: new Map(),
    lastGeneration: 0,
  };
}

/** Carries one change out: the same while serving and when the journal is read again. */
export function applyEntry(state: State, entry: Entry): void {
  switch (entry.kind) {
    case 'bucket':
      state.buckets.set(entry.bucket.name, { record: entry.bucket, objects: new Map(), names: createSortedNames() });
      break;
    case 'bucket-deleted':
      state.buckets.delete(entry.name);
      break;
    case 'object':
      putObject(state, entry.object);
      if (entry.event) state.events.set(entry.object.generation, entry.object);
      break;
    case 'object-deleted':
      deleteObject(state, entry.bucket, entry.name);
      break;
    case 'event':
      state.events.set(entry.object.generation, entry.object);
      break;
    case 'delivered':
      state.events.delete(entry.generation);
      break;
    case 'clock':
      state.lastGeneration = Math.max(state.lastGeneration, entry.generation);
      break;
  }
}

function putObject(state: State, object: ObjectRecord): void {
  const bucket = state.buckets.get(object.bucket);
  if (bucket === undefined) throw new Error(`the journal has an object of the unknown bucket ${object.bucket}`);
  countFile(state, object, 1);
  countFile(state, bucket.objects.get(object.name), -1);
  bucket.objects.set(object.name, object);
  bucket.names.add(object.name);
  state.lastGeneration = Math.max(state.lastGeneration, object.generation);
}

function countFile(state: State, object: ObjectRecord | undefined, change: 1 | -1): void {
  if (object?.blob.kind !== 'file') return;
  state.files.set(object.blob.id, (state.files.get(object.blob.id) ?? 0) + change);
}

function deleteObject(state: State, bucketName: string, name: string): void {
  const bucket = state.buckets.get(bucketName);
  countFile(state, bucket?.objects.get(name), -1);
  bucket?.objects.delete(name);
  bucket?.names.delete(name);
}
