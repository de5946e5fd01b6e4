import type { ZodType } from 'zod';
import { prettifyError } from 'zod';
import type { GsUri } from '../storage/uri.ts';
import { corruptState, newerState } from './state-error.ts';

/**
 * Parses one of our state objects, whose field `schema` holds its version. Throws UnreadableStateError, which says what
 * to do, for anything that is not `schema` version `version` of it.
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
