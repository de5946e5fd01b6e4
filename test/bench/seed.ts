import { randomUUID } from 'node:crypto';
import { createBlobWriter } from '../../infra/local/gcs/blobs.ts';
import { parsePreconditions } from '../../infra/local/gcs/preconditions.ts';
import type { ObjectRecord } from '../../infra/local/gcs/records.ts';
import { createStore } from '../../infra/local/gcs/store.ts';
import type { Scope } from './scope.ts';
import { BUCKETS } from './world.ts';

/** A data folder of the embedded bucket with uploads in it: 100,000 of them by HTTP would take longer than the bench. */
export interface Seed {
  readonly dataDir: string;
  /** The uploads, by task. */
  readonly updates: ReadonlyMap<string, readonly ObjectRecord[]>;
}

// Many at once hold up nobody here, but the journal keeps in memory what it has not written yet.
const PER_FLUSH = 5_000;

/** Uploads so many updates of each task, named as devices name them, into a folder that goes with the scope. */
export const seedUpdates = async (scope: Scope, tasks: ReadonlyMap<string, number>): Promise<Seed> => {
  const dataDir = scope.folder();
  const store = await createStore({ dataDir, now: () => new Date() });
  try {
    const bucket = BUCKETS.uploads;
    store.createBucket({ name: bucket, location: 'US', storageClass: 'STANDARD' });
    const writer = createBlobWriter(null);
    await writer.write(Buffer.from('update'));
    const content = await writer.finish();
    const preconditions = parsePreconditions(new URLSearchParams());
    const updates = new Map<string, ObjectRecord[]>();
    for (const [taskId, size] of tasks) {
      const records: ObjectRecord[] = [];
      updates.set(taskId, records);
      for (let at = 0; at < size; at += 1) {
        const name = `tasksJobs/${taskId}/${randomUUID()}.zip`;
        records.push(store.put({ bucket, name, preconditions }, { contentType: 'application/zip' }, content));
        if (at % PER_FLUSH === 0) await store.settled();
      }
    }
    return { dataDir, updates };
  } finally {
    await store.close();
  }
};
