import { badRequest, notImplemented } from './errors.ts';
import { isRecord } from './http.ts';
import type { Digests, ObjectAttributes } from './records.ts';

const TEXT_FIELDS = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'customTime',
  'storageClass',
] as const;

// These change what later requests may do, so that they cannot be ignored.
const UNSUPPORTED_FIELDS = ['acl', 'retention', 'eventBasedHold', 'temporaryHold', 'kmsKeyName', 'contexts'];

/** Returns `current` with the writable fields of an object resource applied; `null` clears a field. Throws 400 and 501. */
export function mergeAttributes(current: ObjectAttributes, body: Readonly<Record<string, unknown>>): ObjectAttributes {
  requireSupported(body);
  const merged: Record<string, string> = {};
  for (const field of TEXT_FIELDS) {
    const value = textOf(body, field);
    const text = value === undefined ? current[field] : value;
    if (text !== undefined && text !== null) merged[field] = text;
  }
  const { metadata: value } = body;
  const metadata = value === undefined ? current.metadata : mergeMetadata(current.metadata ?? {}, value);
  return { ...merged, ...(metadata !== undefined && { metadata }) };
}

function requireSupported(body: Readonly<Record<string, unknown>>): void {
  for (const field of UNSUPPORTED_FIELDS) {
    const value = body[field];
    const empty = value === undefined || value === null || value === false || (Array.isArray(value) && !value.length);
    if (!empty) throw notImplemented(`the object field "${field}"`);
  }
}

function textOf(body: Readonly<Record<string, unknown>>, field: string): string | null | undefined {
  const value = body[field];
  if (value === undefined || value === null) return value;
  if (typeof value !== 'string') throw badRequest(`Invalid value for ${field}: a string is wanted.`);
  // Most of them become headers of a download.
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(value)) throw badRequest(`Invalid value for ${field}: it has control characters.`);
  return value;
}

function mergeMetadata(current: Readonly<Record<string, string>>, value: unknown): Record<string, string> | undefined {
  if (value === null) return undefined;
  if (!isRecord(value)) throw badRequest('Invalid value for metadata: an object is wanted.');
  const merged = new Map(Object.entries(current));
  for (const [key, entry] of Object.entries(value)) {
    if (entry === null) merged.delete(key);
    else if (typeof entry === 'string') merged.set(key, entry);
    else throw badRequest(`Invalid value for metadata.${key}: a string is wanted.`);
  }
  return merged.size === 0 ? undefined : Object.fromEntries(merged);
}

/** Throws 400 if the client sent a hash that does not match the bytes. */
export function requireDigests(
  wanted: { readonly md5Hash?: unknown; readonly crc32c?: unknown },
  actual: Digests,
): void {
  if (typeof wanted.md5Hash === 'string' && wanted.md5Hash !== actual.md5Hash) {
    throw badRequest(`Provided MD5 hash "${wanted.md5Hash}" doesn't match calculated MD5 hash "${actual.md5Hash}".`);
  }
  if (typeof wanted.crc32c === 'string' && wanted.crc32c !== actual.crc32c) {
    throw badRequest(`Provided CRC32C "${wanted.crc32c}" doesn't match calculated CRC32C "${actual.crc32c}".`);
  }
}
