import { mergeAttributes, requireDigests } from './attributes.ts';
import type { BlobWriter } from './blobs.ts';
import { createBlobWriter } from './blobs.ts';
import { badRequest } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { parseJsonObject } from './http.ts';
import { parseBoundary, readMultipart } from './multipart.ts';
import { requireObjectName } from './names.ts';
import { objectReply } from './objects.ts';
import { parsePreconditions, requirePreconditions } from './preconditions.ts';
import type { ObjectAttributes, ObjectRecord } from './records.ts';
import type { PutTarget, Store } from './store.ts';

/** An upload whose object is known and whose preconditions held at its start. */
export interface Upload {
  readonly target: PutTarget;
  readonly attributes: ObjectAttributes;
  /** The hashes that the client sent. */
  readonly digests: { readonly md5Hash?: unknown; readonly crc32c?: unknown };
}

/** Parses the parameters and metadata of an insert. Throws 400, 404, 412 and 501. */
export function beginUpload(
  store: Store,
  call: Call,
  bucket: string,
  metadata: Readonly<Record<string, unknown>>,
  contentType: string | undefined,
): Upload {
  const given = call.query.get('name') ?? metadata['name'] ?? '';
  if (typeof given !== 'string') throw badRequest('Invalid value for name: a string is wanted.');
  const preconditions = parsePreconditions(call.query);
  const target = { bucket, name: requireObjectName(given), preconditions };
  const contentEncoding = call.query.get('contentEncoding');
  const defaults = {
    ...(contentType !== undefined && { contentType }),
    ...(contentEncoding !== null && { contentEncoding }),
  };
  requirePreconditions(preconditions, store.find(bucket, target.name), 'write');
  const { md5Hash, crc32c } = metadata;
  const digests = {
    ...hashHeaderOf(call),
    ...(md5Hash !== undefined && { md5Hash }),
    ...(crc32c !== undefined && { crc32c }),
  };
  return { target, attributes: mergeAttributes(defaults, metadata), digests };
}

function hashHeaderOf(call: Call): Upload['digests'] {
  const header = String(call.request.headers['x-goog-hash'] ?? '');
  const md5Hash = /\bmd5=([^,\s]+)/.exec(header)?.[1] ?? call.request.headers['content-md5'];
  const crc32c = /\bcrc32c=([^,\s]+)/.exec(header)?.[1];
  return { ...(md5Hash !== undefined && { md5Hash }), ...(crc32c !== undefined && { crc32c }) };
}

/** Creates the object from the bytes of `writer`. Throws 400 if a hash does not match, and 412. */
export async function finishUpload(store: Store, upload: Upload, writer: BlobWriter): Promise<ObjectRecord> {
  try {
    const content = await writer.finish();
    requireDigests(upload.digests, content);
    return store.put(upload.target, upload.attributes, content);
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Writes the chunks of `source`; throws if it fails. */
export async function writeAll(writer: BlobWriter, source: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
  for await (const chunk of source) {
    if (Buffer.isBuffer(chunk)) await writer.write(chunk);
  }
}

/** objects.insert in one request, `uploadType` `media` or `multipart`. Throws 400, 404, 412 and 501. */
export async function insertObject(store: Store, call: Call, bucket: string): Promise<Reply> {
  store.bucket(bucket);
  const type = call.query.get('uploadType');
  if (type === 'multipart') return insertMultipart(store, call, bucket);
  if (type === 'media') return insertMedia(store, call, bucket);
  throw badRequest(`Invalid value for uploadType: "${type ?? ''}"`, 'invalidParameter');
}

async function insertMultipart(store: Store, call: Call, bucket: string): Promise<Reply> {
  const boundary = parseBoundary(call.request.headers['content-type']);
  const { metadata, contentType, media } = await readMultipart(call.request, boundary);
  const upload = beginUpload(store, call, bucket, parseJsonObject(metadata), contentType);
  return storeBody(store, call, upload, media);
}

async function storeBody(store: Store, call: Call, upload: Upload, source: AsyncIterable<unknown>): Promise<Reply> {
  const writer = createBlobWriter(store.blobDirectory);
  try {
    await writeAll(writer, source);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  return objectReply(call, await finishUpload(store, upload, writer));
}

async function insertMedia(store: Store, call: Call, bucket: string): Promise<Reply> {
  const upload = beginUpload(store, call, bucket, {}, call.request.headers['content-type']);
  return storeBody(store, call, upload, call.request);
}
