import { notImplemented, objectNotFound } from './errors.ts';
import { mergeAttributes } from './attributes.ts';
import { parseFields } from './fields.ts';
import type { Call, Reply } from './http.ts';
import { jsonReply, readJsonBody } from './http.ts';
import { listPage, parseListQuery } from './listing.ts';
import { findForRead, getMedia } from './media.ts';
import { parseGeneration, parsePreconditions, requirePreconditions } from './preconditions.ts';
import type { ObjectRecord } from './records.ts';
import { buildObjectResource } from './resource.ts';
import type { Store } from './store.ts';

/** An object resource as an answer, cut to the `fields` asked for. */
export function objectReply(call: Call, object: ObjectRecord): Reply {
  return jsonReply(parseFields(call.query.get('fields'))(buildObjectResource(object, call.base)));
}

/** objects.get: the resource, or with `alt=media` the bytes. Throws 404, 412, 304 and 416. */
export async function getObject(store: Store, call: Call, bucket: string, name: string): Promise<Reply> {
  return call.query.get('alt') === 'media'
    ? getMedia(store, call, bucket, name)
    : objectReply(call, findForRead(store, call, bucket, name));
}

/** objects.list: a page of resources and folded prefixes. Throws 400, 404 and 501. */
export function listObjects(store: Store, call: Call, bucketName: string): Reply {
  const { query } = call;
  for (const name of ['matchGlob', 'filter', 'softDeleted']) {
    if (query.get(name)) throw notImplemented(`the parameter "${name}"`);
  }
  const bucket = store.bucket(bucketName);
  const page = listPage(bucket.names, parseListQuery(query));
  const items = page.names.flatMap((name) => {
    const object = bucket.objects.get(name);
    return object === undefined ? [] : [buildObjectResource(object, call.base)];
  });
  const answer = {
    kind: 'storage#objects',
    ...(page.nextPageToken !== undefined && { nextPageToken: page.nextPageToken }),
    ...(page.prefixes.length > 0 && { prefixes: page.prefixes }),
    ...(items.length > 0 && { items }),
  };
  return jsonReply(parseFields(query.get('fields'))(answer));
}

/** objects.delete. Throws 404 and 412. */
export function deleteObject(store: Store, call: Call, bucket: string, name: string): Reply {
  store.delete(findForWrite(store, call, bucket, name));
  return { status: 204 };
}

/** The live object of a change, its preconditions met. Throws 404 and 412. */
function findForWrite(store: Store, call: Call, bucket: string, name: string): ObjectRecord {
  const object = store.find(bucket, name, parseGeneration(call.query));
  if (object === null) throw objectNotFound(bucket, name);
  requirePreconditions(parsePreconditions(call.query), object, 'write');
  return object;
}

/** objects.patch: applies the fields of the body to the object. */
export async function patchObject(store: Store, call: Call, bucket: string, name: string): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const object = findForWrite(store, call, bucket, name);
  return objectReply(call, store.patch(object, mergeAttributes(object.attributes, body)));
}
