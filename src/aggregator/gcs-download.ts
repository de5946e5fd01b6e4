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
 * All bytes of the object at `path`. Its crc32c is not asked for: what is read holds checksums of its own, all of them checked.
 * Throws Fault if it is larger than `maxBytes`, else an error with the HTTP status as `code`.
 */
export function download(client: Storage, path: string, maxBytes: number): Promise<Uint8Array> {
  return retrying(() => readOnce(client, path, maxBytes));
}

/** Tries again, later each time, what fails for a reason that passes: no answer, 408, 429, 5xx, a body that breaks off. */
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

/** The chunks of `body`; throws if none comes for a minute. */
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

/** Fails as the client's own errors do: with the HTTP status, or the system's code, as `code`. */
function failure(code: number | string): Error {
  return Object.assign(new Error(`Cloud Storage answered ${code}`), { code });
}

/**
 * The body of an object, once Cloud Storage has answered 200. Not by `File.createReadStream`: on a 503 version 8.4.0 of
 * the client throws where nobody can catch it. The client given must not retry.
 */
function open(client: Storage, path: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    const { bucket, name } = parseGcsPath(path);
    const uri = `${client.apiEndpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}?alt=media`;
    const request = client.requestStream({ method: 'GET', uri });
    // What the client gives is a duplex stream whose writing side never ends, so iterating over it would not end either.
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

/** The object at `path` as it arrives. Once it has begun, nothing is tried again. */
export async function* downloadStream(client: Storage, path: string): AsyncGenerator<Uint8Array> {
  yield* readChunks(await retrying(() => open(client, path)));
}
