import type { ZodType } from 'zod';
import { prettifyError } from 'zod';
import { AppError } from '../errors.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri } from '../storage/uri.ts';

/**
 * State in the bucket that is corrupt, or that a newer version wrote. The task stops until somebody repairs it. Its
 * updates stay in the bucket, so nothing is lost. A retry does not help, so an event is acknowledged.
 */
export class UnreadableStateError extends AppError {
  override readonly status = 500;
  override readonly code = 'unreadable-state';
  override readonly title = 'State in the bucket cannot be read';
}

/**
 * Parses an object of the state, whose field `schema` is its version. Throws UnreadableStateError, with the remedy, for
 * anything that is not version `version` of `schema`.
 */
export function parseState<T>(uri: GsUri, text: string, version: number, schema: ZodType<T>): T {
  const value = parseJson(uri, text);
  const found = schemaOf(value);
  if (found === null) throw corruptState(uri, 'has no schema version');
  if (found > version) throw newerState(uri, found, version);
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    throw corruptState(uri, `is corrupt: ${prettifyError(parsed.error).slice(0, 500)}`, parsed.error);
  return parsed.data;
}

function parseJson(uri: GsUri, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw corruptState(uri, 'is not JSON', error);
  }
}

function schemaOf(value: unknown): number | null {
  return typeof value === 'object' && value !== null && 'schema' in value && typeof value.schema === 'number'
    ? value.schema
    : null;
}

/** The error for corrupt state. `problem` follows the object's path; the message adds the remedy. */
export function corruptState(uri: GsUri, problem: string, cause?: unknown): UnreadableStateError {
  return new UnreadableStateError(
    `${formatGsUri(uri)} ${problem}. Restore an earlier generation of it (gcloud storage ls -a, then cp), ` +
      `or move the task's state folder away: the task then starts again with the objects in its upload folder.`,
    { cause, details: { object: formatGsUri(uri) } },
  );
}

function newerState(uri: GsUri, found: number, known: number): UnreadableStateError {
  return new UnreadableStateError(
    `${formatGsUri(uri)} has schema ${found}, and this version reads up to schema ${known}: a newer version wrote it. Deploy that version or a later one.`,
    { details: { object: formatGsUri(uri), schema: found } },
  );
}
