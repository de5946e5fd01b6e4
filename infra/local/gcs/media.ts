import type { OutgoingHttpHeaders } from 'node:http';
import { objectNotFound, notImplemented } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { parseGeneration, parsePreconditions, requirePreconditions } from './preconditions.ts';
import { parseRange } from './ranges.ts';
import type { ObjectRecord } from './records.ts';
import { etagOf } from './resource.ts';
import type { Store } from './store.ts';

/** The live object of a read, its preconditions met. Throws 404, 412 and 304. */
export function findForRead(store: Store, call: Call, bucket: string, name: string): ObjectRecord {
  const object = store.find(bucket, name, parseGeneration(call.query));
  if (object === null) throw objectNotFound(bucket, name);
  requirePreconditions(parsePreconditions(call.query), object, 'read');
  return object;
}

/** objects.get with `alt=media`: the bytes, or a range of them. Throws 404, 412, 304, 416 and 501. */
export async function getMedia(store: Store, call: Call, bucket: string, name: string): Promise<Reply> {
  const object = findForRead(store, call, bucket, name);
  const accepted = call.request.headers['accept-encoding'];
  if (object.attributes.contentEncoding === 'gzip' && !String(accepted ?? '').includes('gzip')) {
    throw notImplemented('decompressing gzip objects; send "Accept-Encoding: gzip"');
  }
  const { start, end, partial } = parseRange(call.request.headers.range, object.size);
  const body = await store.read(object.blob, start, end);
  const range = partial ? { 'content-range': `bytes ${start}-${end - 1}/${object.size}` } : {};
  const headers = { ...headersOf(object), 'accept-ranges': 'bytes', 'content-length': String(end - start), ...range };
  return { status: partial ? 206 : 200, headers, body };
}

function headersOf(object: ObjectRecord): OutgoingHttpHeaders {
  const { contentType, contentEncoding, contentDisposition, contentLanguage, cacheControl, storageClass } =
    object.attributes;
  return {
    'content-type': asHeader(contentType ?? 'application/octet-stream'),
    'cache-control': asHeader(cacheControl ?? 'no-cache, no-store, max-age=0, must-revalidate'),
    ...(contentEncoding !== undefined && { 'content-encoding': asHeader(contentEncoding) }),
    ...(contentDisposition !== undefined && { 'content-disposition': asHeader(contentDisposition) }),
    ...(contentLanguage !== undefined && { 'content-language': asHeader(contentLanguage) }),
    etag: etagOf(object),
    'last-modified': new Date(object.updated).toUTCString(),
    'x-goog-generation': String(object.generation),
    'x-goog-metageneration': String(object.metageneration),
    'x-goog-hash': `crc32c=${object.crc32c}${object.md5Hash === undefined ? '' : `,md5=${object.md5Hash}`}`,
    'x-goog-stored-content-encoding': asHeader(contentEncoding ?? 'identity'),
    'x-goog-stored-content-length': String(object.size),
    'x-goog-storage-class': asHeader(storageClass ?? 'STANDARD'),
  };
}

/** Header values are bytes: text other than ASCII is sent as UTF-8. */
function asHeader(text: string): string {
  return Buffer.from(text).toString('latin1');
}
