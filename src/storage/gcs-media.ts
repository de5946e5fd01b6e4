import { CRC32C } from '@google-cloud/storage';
import { AppError } from '../errors.ts';
import { startDeadline } from '../upstream/call.ts';
import type { Operation } from './gcs-errors.ts';
import {
  parseAnswer,
  translateDeadline,
  translateEncoded,
  translateFailure,
  translateUnreadable,
} from './gcs-errors.ts';
import type { GcsAnswer, MediaBody } from './gcs-transport.ts';
import type { MediaInfo } from './port.ts';

export interface BodyOptions {
  /** Maximum time without a byte. */
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A download whose body is still unread. */
export interface Media {
  readonly info: MediaInfo;
  /** base64; `null` if the body is not the stored bytes. */
  readonly expectedCrc32c: string | null;
  readonly body: MediaBody;
}

/**
 * Reads the headers of a download. Throws UnavailableError if one is missing, and UpstreamError if the body is encoded:
 * Cloud Storage decodes gzip, unless the object has Cache-Control no-transform, and no other encoding
 * (https://cloud.google.com/storage/docs/transcoding). Both close the connection.
 */
export function openMedia(operation: Operation, { headers, body }: GcsAnswer<MediaBody>): Media {
  try {
    return { ...parseAnswer(operation, () => parseHead(operation, headers)), body };
  } catch (error) {
    body.cancel();
    throw error;
  }
}

function parseHead(operation: Operation, headers: Readonly<Record<string, string>>): Omit<Media, 'body'> {
  const generation = headers['x-goog-generation'];
  const size = headers['x-goog-stored-content-length'];
  const crc32c = /\bcrc32c=([^,\s]+)/.exec(headers['x-goog-hash'] ?? '')?.[1];
  if (generation === undefined || size === undefined || crc32c === undefined) {
    throw new TypeError('x-goog-generation, x-goog-stored-content-length or x-goog-hash is missing');
  }
  const stored = headers['x-goog-stored-content-encoding'] ?? 'identity';
  const sent = headers['content-encoding'] ?? (stored === 'gzip' ? 'identity' : stored);
  if (sent !== 'identity') throw translateEncoded(operation, sent);
  const info: MediaInfo = { ...operation.uri, generation, size: Number(size), crc32c };
  // The checksum is that of the stored bytes, so it does not match those that were decoded in transit.
  return { info, expectedCrc32c: stored === 'identity' ? crc32c : null };
}

/**
 * The chunks of a response body. Throws UnavailableError if it breaks off or does not match `expectedCrc32c` (base64;
 * `null`: not checked), and DeadlineError if no byte arrives for `idleMs` or `signal` aborts. A consumer that stops early
 * closes the connection.
 */
export async function* readBody(
  operation: Operation,
  { chunks, cancel }: MediaBody,
  expectedCrc32c: string | null,
  { idleMs, signal }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const idle = startDeadline(idleMs, signal);
  const crc32c = new CRC32C();
  let isComplete = false;
  idle.signal.addEventListener('abort', cancel, { once: true });
  if (idle.signal.aborted) cancel();
  try {
    for await (const chunk of chunks) {
      if (!Buffer.isBuffer(chunk)) continue;
      crc32c.update(chunk);
      // The time that the consumer takes does not count.
      idle.pause();
      yield chunk;
      idle.restart();
    }
    if (idle.signal.aborted) throw translateDeadline(operation, idleMs, idle.signal.reason);
    isComplete = true;
    if (expectedCrc32c !== null && !crc32c.validate(expectedCrc32c)) {
      throw translateUnreadable(operation, 'the bytes received do not match the stored checksum');
    }
  } catch (error) {
    if (idle.signal.aborted) throw translateDeadline(operation, idleMs, idle.signal.reason);
    throw error instanceof AppError ? error : translateFailure(operation, error);
  } finally {
    idle.clear();
    if (!isComplete) cancel();
  }
}
