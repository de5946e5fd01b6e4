import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { IdempotencyStrategy, Storage } from '@google-cloud/storage';
import type { Bucket, File } from '@google-cloud/storage';
import { Fault } from './fault.ts';
import type { FileStore } from './file-store.ts';
import { download, downloadStream } from './gcs-download.ts';
import { parseGcsPath } from './paths.ts';

/**
 * Objects in Cloud Storage, by `gs://bucket/name`. Uses the server at `endpoint` (an http URL) without credentials, or
 * Google's with the application default credentials.
 */
export function createGcsFiles(endpoint: string | undefined): FileStore {
  // A custom endpoint needs no project, but the client would look for one.
  const options = endpoint === undefined ? {} : { apiEndpoint: endpoint, projectId: 'local' };
  // Every request may be sent twice: it replaces or removes the same objects.
  const client = new Storage({ ...options, retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryAlways } });
  const reader = new Storage({ ...options, retryOptions: { autoRetry: false } });
  function fileAt(path: string): File {
    const { bucket, name } = parseGcsPath(path);
    return client.bucket(bucket).file(name);
  }
  return {
    read: (path, maxBytes) => download(reader, path, maxBytes),
    stream: (path) => downloadStream(reader, path),
    list: (directory) => {
      const { bucket, name } = parseGcsPath(directory);
      return list(client.bucket(bucket), name);
    },
    // Only a write shows whether the account may write to a bucket.
    prepare: () => Promise.resolve(),
    write: (path, chunks) => upload(fileAt(path), chunks),
    remove: async (path) => void (await fileAt(path).delete({ ignoreNotFound: true })),
  };
}

async function list(bucket: Bucket, directory: string): Promise<string[]> {
  const prefix = `${directory.replace(/\/+$/, '')}/`;
  const [files] = await bucket.getFiles({ prefix, delimiter: '/' });
  return files.map((file) => file.name.slice(prefix.length)).filter((name) => name !== '');
}

async function upload(file: File, chunks: Iterable<Uint8Array>): Promise<void> {
  try {
    await pipeline(Readable.from(chunks), file.createWriteStream({ contentType: 'application/octet-stream' }));
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && Number(error.code) === 404;
    throw missing ? new Fault('the bucket does not exist', { cause: error }) : error;
  }
}
