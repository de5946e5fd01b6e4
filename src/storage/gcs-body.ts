import { CRC32C } from '@google-cloud/storage';
import { AppError } from '../errors.ts';
import { startDeadline } from './gcs-call.ts';
import type { Attempt } from './gcs-errors.ts';
import { translateDeadline, translateFailure, translateUnreadable } from './gcs-errors.ts';
import type { MediaBody } from './gcs-transport.ts';

export interface BodyOptions {
  /** Longest time without a byte. */
  readonly idleMs: number;
  readonly signal: AbortSignal | undefined;
  /** base64; null: not to be checked. */
  readonly expectedCrc32c: string | null;
}

function toAppError(attempt: Attempt, error: unknown): AppError {
  return error instanceof AppError ? error : translateFailure(attempt, error);
}

/**
 * The chunks of a media answer. Throws UnavailableError when it breaks off or its checksum does not fit, DeadlineError
 * when nothing arrives for `idleMs` or `signal` aborts. Ended early, it ends the connection.
 */
export async function* readBody(
  attempt: Attempt,
  { chunks, cancel }: MediaBody,
  { idleMs, signal, expectedCrc32c }: BodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const idle = startDeadline(idleMs, signal);
  const crc32c = new CRC32C();
  let isWhole = false;
  idle.signal.addEventListener('abort', cancel, { once: true });
  if (idle.signal.aborted) cancel();
  try {
    for await (const chunk of chunks) {
      if (!Buffer.isBuffer(chunk)) continue;
      crc32c.update(chunk);
      // The consumer's own time does not count.
      idle.pause();
      yield chunk;
      idle.restart();
    }
    if (idle.signal.aborted) throw translateDeadline(attempt, idleMs, idle.signal.reason);
    isWhole = true;
    if (expectedCrc32c !== null && !crc32c.validate(expectedCrc32c)) {
      throw translateUnreadable(attempt, 'the bytes received do not have the checksum they were stored with');
    }
  } catch (error) {
    throw idle.signal.aborted ? translateDeadline(attempt, idleMs, idle.signal.reason) : toAppError(attempt, error);
  } finally {
    idle.clear();
    if (!isWhole) cancel();
  }
}
