import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Content } from './blobs.ts';
import { openBlobFile } from './blobs.ts';
import { bucketNotFound, GcsError, objectNotFound } from './errors.ts';
import { journalEntry, openDataFolder } from './persistence.ts';
import type { Preconditions } from './preconditions.ts';
import { requirePreconditions } from './preconditions.ts';
import type { BlobRef, BucketRecord, ObjectAttributes, ObjectRecord } from './records.ts';
import type { Bucket, Entry } from './state.ts';
import { applyEntry, createState } from './state.ts';

/**
 * Buckets and objects. Every method but `read` is synchronous: check and change are one step, which is what makes
 * preconditions hold. A change is on disk, and may be answered, once `settled` resolves.
 */
export interface Store {
  readonly blobDirectory: string | null;
  buckets(): readonly BucketRecord[];
  createBucket(bucket: Omit<BucketRecord, 'timeCreated'>): BucketRecord;
  deleteBucket(name: string): void;
  /** Throws 404. */
  bucket(name: string): Bucket;
  /** The live object. A `generation` that is not live is absent: there is no versioning. */
  find(bucket: string, name: string, generation?: bigint | null): ObjectRecord | null;
  put(target: PutTarget, attributes: ObjectAttributes, content: Content): ObjectRecord;
  patch(object: ObjectRecord, attributes: ObjectAttributes): ObjectRecord;
  delete(object: ObjectRecord): void;
  /** Bytes `start` to `end`, exclusive. */
  read(blob: BlobRef, start: number, end: number): Buffer | Promise<Buffer> | Readable;
  settled(): Promise<void>;
  /** Objects whose finalize event was not delivered before the last end of this process. */
  undelivered(): readonly ObjectRecord[];
  markDelivered(generation: number): void;
  close(): Promise<void>;
}

export interface PutTarget {
  readonly bucket: string;
  readonly name: string;
  readonly preconditions: Preconditions;
}

export interface StoreOptions {
  readonly dataDir?: string;
  readonly now: () => Date;
  /** Called for every new generation at once, before it is on disk. If set, finalize events are kept until delivered. */
  readonly onPut?: (object: ObjectRecord) => void;
}

/** A store in memory, or with `dataDir` in a folder. Throws when the folder's journal is damaged. */
export async function createStore({ dataDir, now, onPut }: StoreOptions): Promise<Store> {
  const folder = dataDir === undefined ? null : await openDataFolder(dataDir);
  const state = folder?.state ?? createState();
  const blobDirectory = folder?.blobDirectory ?? null;

  function commit(entry: Entry): Entry {
    const placed = folder === null ? entry : journalEntry(folder.journal, entry);
    applyEntry(state, placed);
    return placed;
  }
  function commitObject(object: ObjectRecord, event: boolean): ObjectRecord {
    const replaced = state.buckets.get(object.bucket)?.objects.get(object.name);
    const placed = commit({ kind: 'object', object, event });
    removeFile(blobDirectory, state.files, replaced?.blob);
    return placed.kind === 'object' ? placed.object : object;
  }
  function bucket(name: string): Bucket {
    const found = state.buckets.get(name);
    if (found === undefined) throw bucketNotFound();
    return found;
  }

  return {
    blobDirectory,
    bucket,
    buckets: () =>
      [...state.buckets.values()].map(({ record }) => record).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    createBucket(wanted) {
      if (state.buckets.has(wanted.name)) {
        throw new GcsError(
          409,
          'conflict',
          'Your previous request to create the named bucket succeeded and you already own it.',
        );
      }
      const record = { ...wanted, timeCreated: now().toISOString() };
      commit({ kind: 'bucket', bucket: record });
      return record;
    },
    deleteBucket(name) {
      if (bucket(name).objects.size > 0) {
        throw new GcsError(409, 'conflict', 'The bucket you tried to delete is not empty.');
      }
      commit({ kind: 'bucket-deleted', name });
    },
    find(bucketName, name, generation = null) {
      const object = bucket(bucketName).objects.get(name) ?? null;
      return object === null || generation === null || generation === BigInt(object.generation) ? object : null;
    },
    put({ bucket: bucketName, name, preconditions }, attributes, content) {
      requirePreconditions(preconditions, bucket(bucketName).objects.get(name) ?? null, 'write');
      const time = now();
      const generation = Math.max(time.getTime() * 1000, state.lastGeneration + 1);
      const timeCreated = time.toISOString();
      const versions = { generation, metageneration: 1, timeCreated, updated: timeCreated };
      const object = { bucket: bucketName, name, ...versions, ...content, attributes };
      const placed = commitObject(object, onPut !== undefined);
      onPut?.(placed);
      return placed;
    },
    patch(object, attributes) {
      const updated = now().toISOString();
      return commitObject({ ...object, attributes, updated, metageneration: object.metageneration + 1 }, false);
    },
    delete(object) {
      if (bucket(object.bucket).objects.get(object.name) === undefined)
        throw objectNotFound(object.bucket, object.name);
      commit({ kind: 'object-deleted', bucket: object.bucket, name: object.name });
      removeFile(blobDirectory, state.files, object.blob);
    },
    read(blob, start, end) {
      if (blob.kind === 'memory') return blob.bytes.subarray(start, end);
      if (folder === null) throw new Error('a blob on disk without a data folder');
      if (blob.kind === 'file') return openBlobFile(folder.blobDirectory, blob.id, start, end);
      return folder.journal.read(blob.offset + start, end - start);
    },
    settled: async () => folder?.journal.flushed(),
    undelivered: () => [...state.events.values()],
    markDelivered: (generation) => void commit({ kind: 'delivered', generation }),
    close: async () => folder?.close(),
  };
}

function removeFile(directory: string | null, files: Map<string, number>, blob: BlobRef | undefined): void {
  if (directory === null || blob?.kind !== 'file' || (files.get(blob.id) ?? 0) > 0) return;
  files.delete(blob.id);
  // Left behind, it is removed at the next start.
  rm(join(directory, blob.id), { force: true }).catch(() => undefined);
}
