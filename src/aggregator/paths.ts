import { Fault } from './fault.ts';
import type { FileStore } from './file-store.ts';
import { localFiles } from './local-files.ts';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Returns the store that holds the files of a path. */
export type FindStore = (path: string) => Promise<FileStore>;

/** Whether `path` is in Cloud Storage. */
export function isGcsPath(path: string): boolean {
  return path.startsWith('gs://');
}

/** Splits `gs://bucket/name`. Throws Fault if either is missing. */
export function parseGcsPath(path: string): { bucket: string; name: string } {
  const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(path) ?? [];
  if (bucket === '') throw new Fault('it is not of the form gs://BUCKET/NAME');
  return { bucket, name };
}

/** Throws Fault unless `path` is `gs://BUCKET/NAME` or a path on this machine. */
export function checkPath(path: string): void {
  if (isGcsPath(path)) parseGcsPath(path);
  else if (SCHEME.test(path)) throw new Fault('it is neither a gs:// path nor a local one');
  if (path.includes('\0')) throw new Fault('it contains a zero byte');
}

/** Chooses by `gs://`. The Cloud Storage client takes 0.13 s to load, so it is loaded for the first such path. */
export function createFindStore(endpoint: string | undefined): FindStore {
  let gcs: Promise<FileStore> | undefined;
  async function loadGcs(): Promise<FileStore> {
    const { createGcsFiles } = await import('./gcs-files.ts');
    return createGcsFiles(endpoint);
  }
  return async (path) => (isGcsPath(path) ? (gcs ??= loadGcs()) : localFiles);
}
