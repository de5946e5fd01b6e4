import type { ListOptions, MediaInfo, ObjectInfo, ObjectPage } from './port.ts';
import type { GsUri } from './uri.ts';

/** The fields of an object that {@link ObjectInfo} is made of. */
export const INFO_FIELDS = 'name,generation,size,timeCreated,crc32c,metadata';

/** The headers of a media answer, and the checksum of its body; null where the body is not what is stored. */
export interface MediaHead {
  readonly info: MediaInfo;
  readonly expectedCrc32c: string | null;
}

/** One object resource. Throws TypeError when a field is missing. */
export function parseObjectInfo(bucket: string, body: unknown): ObjectInfo {
  if (!isRecord(body)) throw new TypeError('no object resource');
  return {
    bucket,
    name: textOf(body, 'name'),
    generation: textOf(body, 'generation'),
    size: Number(textOf(body, 'size')),
    timeCreated: textOf(body, 'timeCreated'),
    // Of an object with a key of the customer's own it is told to nobody who has not the key.
    crc32c: typeof body['crc32c'] === 'string' ? body['crc32c'] : '',
    metadata: readMetadata(body['metadata']),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(record: Record<string, unknown>, field: string): string {
  const value = record[field];
  if (typeof value !== 'string') throw new TypeError(`the field "${field}" is missing`);
  return value;
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}

/** One page of objects.list. Throws TypeError. */
export function parseObjectPage({ bucket }: ListOptions, body: unknown): ObjectPage {
  // A page may have neither items nor prefixes: without its kind, anything else would pass for the end of a listing.
  if (!isRecord(body) || body['kind'] !== 'storage#objects') throw new TypeError('no list of objects');
  const { items = [], prefixes = [], nextPageToken } = body;
  if (!Array.isArray(items) || !Array.isArray(prefixes)) throw new TypeError('no list of objects');
  return {
    objects: items.map((item: unknown) => parseObjectInfo(bucket, item)),
    prefixes: prefixes.map(String),
    ...(typeof nextPageToken === 'string' && nextPageToken !== '' && { nextPageToken }),
  };
}

/** Reads the `x-goog-*` headers of a media answer. Throws TypeError when one is missing. */
export function parseMediaHead(uri: GsUri, headers: Readonly<Record<string, string>>): MediaHead {
  const generation = headers['x-goog-generation'];
  const size = headers['x-goog-stored-content-length'];
  const crc32c = /\bcrc32c=([^,\s]+)/.exec(headers['x-goog-hash'] ?? '')?.[1];
  if (generation === undefined || size === undefined || crc32c === undefined) {
    throw new TypeError('the answer lacks x-goog-generation, x-goog-stored-content-length or x-goog-hash');
  }
  const info: MediaInfo = { ...uri, generation, size: Number(size), crc32c };
  // An object stored compressed is decompressed on the way: the checksum is that of the stored bytes.
  const isStored = (headers['x-goog-stored-content-encoding'] ?? 'identity') === 'identity';
  return { info, expectedCrc32c: isStored ? crc32c : null };
}
