import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Storage } from '@google-cloud/storage';
import type { File } from '@google-cloud/storage';
import { Fault } from './fault.ts';
import type { FileStore } from './file-store.ts';
import { parseGcsPath } from './paths.ts';

const READ_TRIES = 3;

const isRefusal = (error: unknown): boolean => {
  if (error instanceof Fault) return true;
  const code = error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN;
  return code >= 400 && code < 500 && code !== 408 && code !== 429;
};

const readOnce = async (file: File, maxBytes: number): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Not validated: all that is read has checksums of its own, which are checked, and the client's crc32c is a slow one.
  for await (const chunk of file.createReadStream({ validation: false })) {
    if (!(chunk instanceof Uint8Array)) throw new Fault('it was not sent as bytes');
    size += chunk.length;
    if (size > maxBytes) throw new Fault(`it holds more than the ${maxBytes} bytes that are read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
};

/** The client retries a request that fails, but not an answer that breaks off; this does both. */
const readAgain = async (file: File, maxBytes: number): Promise<Uint8Array> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await readOnce(file, maxBytes);
    } catch (error) {
      if (tries === READ_TRIES || isRefusal(error)) throw error;
      await delay(200 * 2 ** tries);
    }
  }
};

/**
 * Objects in Cloud Storage, by `gs://bucket/name`. With `endpoint` (an http URL) another server is asked, without credentials;
 * else Google's, with the application default credentials.
 */
export const createGcsFiles = (endpoint: string | undefined): FileStore => {
  // A custom endpoint needs no project, but the client would ask the metadata server for one.
  const storage = new Storage(endpoint === undefined ? {} : { apiEndpoint: endpoint, projectId: 'local' });
  const fileAt = (path: string): File => {
    const { bucket, name } = parseGcsPath(path);
    return storage.bucket(bucket).file(name);
  };
  const list = async (directory: string): Promise<string[]> => {
    const { bucket, name } = parseGcsPath(directory);
    const prefix = `${name.replace(/\/+$/, '')}/`;
    const [files] = await storage.bucket(bucket).getFiles({ prefix, delimiter: '/' });
    return files.map((file) => file.name.slice(prefix.length)).filter((rest) => rest !== '');
  };
  return {
    read: (path, maxBytes) => readAgain(fileAt(path), maxBytes),
    stream: (path) => fileAt(path).createReadStream(),
    list,
    prepare: () => Promise.resolve(),
    write: (path, chunks) =>
      pipeline(Readable.from(chunks), fileAt(path).createWriteStream({ contentType: 'application/octet-stream' })),
    remove: async (path) => void (await fileAt(path).delete({ ignoreNotFound: true })),
  };
};
