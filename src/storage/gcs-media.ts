import { CRC32C } from '@google-cloud/storage';
import { AppError } from '../errors.ts';
import { startDeadline } from '../upstream/call.ts';
import type { Attempt } from './gcs-errors.ts';
import { parseAnswer, translateDeadline, translateFailure, translateUnreadable } from './gcs-errors.ts';
import type { GcsAnswer, MediaBody } from './gcs-transport.ts';
import type { MediaInfo } from './port.ts';

export interface BodyOptions {
  /** Maximum time without a byte. */
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The object that a download carries, and the checksum of the body; `null` where the body is not the stored bytes. */
export interface MediaHead {
  readonly info: MediaInfo;
  readonly expectedCrc32c: string | null;
}

/** Reads the `x-goog-*` headers of a download. Throws UnavailableError if one is missing. */
export function parseMediaHead(attempt: Attempt, { headers }: GcsAnswer<MediaBody>): MediaHead {
  return parseAnswer(attempt, () => {
    const generation = headers['x-goog-generation'];
    const size = headers['x-goog-stored-content-length'];
    const crc32c = /\bcrc32c=([^,\s]+)/.exec(headers['x-goog-hash'] ?? '')?.[1];
    if (generation === undefined || size === undefined || crc32c === undefined) {
      throw new TypeError('x-goog-generation, x-goog-stored-content-length or x-goog-hash is missing');
    }
    const info: MediaInfo = { ...attempt.uri, generation, size: Number(size), crc32c };
    // An object stored with gzip encoding is decompressed in transit, and its checksum is that of the stored bytes.
    const isStored = (headers['x-goog-stored-content-encoding'] ?? 'identity') === 'identity';
    return { info, expectedCrc32c: isStored ? crc32c : null };
  });
}

/**
 * The chunks of a response body. Throws UnavailableError if it breaks off or does not match `expectedCrc32c` (base64;
 * `null`: not checked), and DeadlineError if no byte arrives for `idleMs` or `signal` aborts. A consumer that stops early
 * closes the connection.
 */
export async function* readBody(
  attempt: Attempt,
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
    if (idle.signal.aborted) throw translateDeadline(attempt, idleMs, idle.signal.reason);
    isComplete = true;
    if (expectedCrc32c !== null && !crc32c.validate(expectedCrc32c)) {
      throw translateUnreadable(attempt, 'the bytes received do not match the stored checksum');
    }
  } catch (error) {
    if (idle.signal.aborted) throw translateDeadline(attempt, idleMs, idle.signal.reason);
    throw error instanceof AppError ? error : translateFailure(attempt, error);
  } finally {
    idle.clear();
    if (!isComplete) cancel();
  }
}
