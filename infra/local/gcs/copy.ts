import { mergeAttributes } from './attributes.ts';
import type { Content } from './blobs.ts';
import { notImplemented, objectNotFound } from './errors.ts';
import { parseFields } from './fields.ts';
import type { Call, Reply } from './http.ts';
import { jsonReply, readJsonBody } from './http.ts';
import { requireObjectName } from './names.ts';
import { parseGeneration, parsePreconditions, requirePreconditions } from './preconditions.ts';
import type { ObjectRecord } from './records.ts';
import { buildObjectResource } from './resource.ts';
import type { Store } from './store.ts';

type CopyPath = readonly [fromBucket: string, fromName: string, toBucket: string, toName: string];

/** objects.rewrite: always done in one call. */
export async function rewriteObject(store: Store, call: Call, path: CopyPath): Promise<Reply> {
  if (call.query.get('rewriteToken')) throw notImplemented('the parameter "rewriteToken"');
  const object = await copy(store, call, path);
  const answer = {
    kind: 'storage#rewriteResponse',
    totalBytesRewritten: String(object.size),
    objectSize: String(object.size),
    done: true,
    resource: buildObjectResource(object, call.base),
  };
  return jsonReply(parseFields(call.query.get('fields'))(answer));
}

async function copy(store: Store, call: Call, path: CopyPath): Promise<ObjectRecord> {
  const [fromBucket, fromName, toBucket, toName] = path;
  const body = await readJsonBody(call.request);
  store.bucket(toBucket);
  const source = store.find(fromBucket, fromName, parseGeneration(call.query, 'sourceGeneration'));
  if (source === null) throw objectNotFound(fromBucket, fromName);
  requirePreconditions(parsePreconditions(call.query, 'ifSource'), source, 'write');
  const target = { bucket: toBucket, name: requireObjectName(toName), preconditions: parsePreconditions(call.query) };
  // Given metadata replaces the source's: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite
  const given = Object.keys(body).length > 0;
  const attributes = mergeAttributes(given ? {} : source.attributes, body);
  const content = await contentOf(store, source);
  // If it was deleted meanwhile, its file is gone too.
  if (store.find(fromBucket, fromName, BigInt(source.generation)) === null) throw objectNotFound(fromBucket, fromName);
  return store.put(target, attributes, content);
}

/** Files are shared. Smaller contents are read and written again with the new object. */
async function contentOf(store: Store, source: ObjectRecord): Promise<Content> {
  const { blob, size, md5Hash, crc32c } = source;
  const digests = { size, md5Hash, crc32c };
  if (blob.kind !== 'journal') return { ...digests, blob };
  const bytes = await store.read(blob, 0, size);
  if (!Buffer.isBuffer(bytes)) throw new Error('journal contents are read in one piece');
  return { ...digests, blob: { kind: 'memory', bytes } };
}
