import type { Readable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Storage } from '@google-cloud/storage';
import { Fault } from './fault.ts';
import { parseGcsPath } from './paths.ts';

const TRIES = 4;
const FIRST_DELAY_MS = 250;
const IDLE_MS = 60_000;

/**
 * Downloads the object at `path`. Its crc32c is not compared: checkpoints and zips hold checksums, which are all verified.
 * Throws Fault if it is larger than `maxBytes`, else an error with the HTTP status as `code`.
 */
export function download(client: Storage, path: string, maxBytes: number): Promise<Uint8Array> {
  return retrying(() => readOnce(client, path, maxBytes));
}

/** Retries transient failures with increasing delays: no answer, 408, 429, 5xx, a truncated body. */
async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || !isTransient(error)) throw error;
      await delay(FIRST_DELAY_MS * 2 ** tries);
    }
  }
}

function isTransient(error: unknown): boolean {
  if (error instanceof Fault) return false;
  const code = error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN;
  return !(code >= 400 && code < 500) || code === 408 || code === 429;
}

async function readOnce(client: Storage, path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readChunks(await open(client, path))) {
    size += chunk.length;
    if (size > maxBytes) throw new Fault(`it holds more than the ${maxBytes} bytes that are read`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Yields the chunks of `body`. Throws if none arrives for a minute. */
async function* readChunks(body: Readable): AsyncGenerator<Uint8Array> {
  const idle = setTimeout(() => body.destroy(failure('ETIMEDOUT')), IDLE_MS);
  try {
    for await (const chunk of body) {
      idle.refresh();
      if (chunk instanceof Uint8Array) yield chunk;
    }
  } finally {
    clearTimeout(idle);
  }
}

/** Returns an error like the client's own, with the HTTP status or the system's code as `code`. */
function failure(code: number | string): Error {
  return Object.assign(new Error(`Cloud Storage answered ${code}`), { code });
}

/**
 * Resolves to the body of an object, once Cloud Storage has answered 200. `File.createReadStream` is not used: on a 503,
 * version 8.4.0 of the client throws an error that cannot be caught. `client` must not retry.
 */
function open(client: Storage, path: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const { bucket, name } = parseGcsPath(path);
    const uri = `${client.apiEndpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`;
    const request = client.requestStream({ method: 'GET', uri });
    // The client returns a duplex stream whose writable side never ends, so that iterating over it would not end either.
    const body = request.pipe(new PassThrough());
    const idle = setTimeout(() => reject(failure('ETIMEDOUT')), IDLE_MS);
    request.on('error', (error) => {
      clearTimeout(idle);
      reject(error);
      body.destroy(error);
    });
    request.on('response', ({ statusCode }: { statusCode: number }) => {
      clearTimeout(idle);
      if (statusCode === 200) return resolve(body);
      request.destroy();
      return reject(failure(statusCode));
    });
  });
}

/** Yields the object at `path` as it arrives. Retries only until the first byte. */
export async function* downloadStream(client: Storage, path: string): AsyncGenerator<Uint8Array> {
  yield* readChunks(await retrying(() => open(client, path)));
}
