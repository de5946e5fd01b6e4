import { memoise } from '../upstream/memoise.ts';
import type { GcsStoreOptions } from './gcs.ts';
import type { ObjectStore } from './port.ts';

/**
 * Cloud Storage, whose client library is loaded at the first call: a new instance answers its first request sooner, and
 * a request that is refused needs no library.
 */
export function openObjectStore(options: GcsStoreOptions): ObjectStore {
  const { get } = memoise(async () => (await import('./gcs.ts')).createGcsObjectStore(options));
  return {
    read: async (...args) => (await get()).read(...args),
    stream: async (...args) => (await get()).stream(...args),
    write: async (...args) => (await get()).write(...args),
    list: async (...args) => (await get()).list(...args),
  };
}
