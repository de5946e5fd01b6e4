import { randomUUID } from 'node:crypto';
import { Storage } from '@google-cloud/storage';
import { describe, test } from 'vitest';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { createGcsObjectStore } from '../../src/storage/gcs.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { objectStoreContract } from './object-store.ts';

objectStoreContract('in memory', async () => ({
  store: createMemoryStore({ now: () => new Date() }),
  bucket: 'contract',
  root: 'r/',
}));

objectStoreContract('@google-cloud/storage over the embedded server', async () => {
  const server = await startGcs({ buckets: ['contract'] });
  const store = createGcsObjectStore({ apiEndpoint: server.url, projectId: 'p' });
  return { store, bucket: 'contract', root: 'r/', close: () => server.close() };
});

const liveBucket = process.env['LIVE_BUCKET'];

if (liveBucket === undefined) {
  describe('object store contract: live', () => {
    test.skip('set LIVE_BUCKET to a bucket of yours (and have Application Default Credentials) to run it there', () => {});
  });
} else {
  objectStoreContract(`gs://${liveBucket}`, async () => {
    const root = `object-store-contract/${randomUUID()}/`;
    const bucket = new Storage().bucket(liveBucket);
    return {
      store: createGcsObjectStore(),
      bucket: liveBucket,
      root,
      close: () => bucket.deleteFiles({ prefix: root, force: true }),
    };
  });
}
