import { AppError } from '../errors.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri } from '../storage/uri.ts';

/**
 * State in the bucket that this version cannot act on: corrupt, or written by a newer one. Its task stops until somebody
 * mends it (the updates stay in the bucket, so nothing is lost); a retry changes nothing, so an event is acknowledged.
 */
export class UnreadableStateError extends AppError {
  override readonly status = 500;
  override readonly code = 'unreadable-state';
  override readonly title = 'State in the bucket cannot be read';
}

/** `problem` follows the object's path; what to do is added. */
export function corruptState(uri: GsUri, problem: string, cause?: unknown): UnreadableStateError {
  return new UnreadableStateError(
    `${formatGsUri(uri)} ${problem}. Restore an earlier generation of it (gcloud storage ls -a, then cp), ` +
      `or move the task's whole state folder away: the task then begins anew with what its upload folder holds.`,
    { cause, details: { object: formatGsUri(uri) } },
  );
}

/** The object says a schema version that this code does not know. */
export function newerState(uri: GsUri, found: number, known: number): UnreadableStateError {
  return new UnreadableStateError(
    `${formatGsUri(uri)} has schema ${found}, and this version knows ${known}: a newer version wrote it. Deploy that version (or a later one) again.`,
    { details: { object: formatGsUri(uri), schema: found } },
  );
}
