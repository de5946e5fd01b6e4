import { badRequest, notImplemented } from './errors.ts';
import { parseFields } from './fields.ts';
import type { Call, Reply } from './http.ts';
import { jsonReply, readJsonBody } from './http.ts';
import { requireBucketName } from './names.ts';
import { parsePreconditions, requirePreconditions } from './preconditions.ts';
import { buildBucketResource } from './resource.ts';
import type { Store } from './store.ts';

// The supported fields of a new bucket. Any other would change its behaviour.
const BUCKET_FIELDS = ['name', 'location', 'storageClass', 'iamConfiguration', 'projectNumber', 'kind'];
const MAX_RESULTS = 1000;
const BUCKET_VERSIONS = { generation: 0, metageneration: 1 };

/** buckets.list, in pages, whatever the project. */
export function listBuckets(store: Store, call: Call): Reply {
  const prefix = call.query.get('prefix') ?? '';
  const after = Buffer.from(call.query.get('pageToken') ?? '', 'base64url').toString();
  const wanted = store.buckets().filter(({ name }) => name.startsWith(prefix) && name > after);
  const page = wanted.slice(0, Number(call.query.get('maxResults')) || MAX_RESULTS);
  const items = page.map((bucket) => buildBucketResource(bucket, call.base));
  const nextPageToken = Buffer.from(page.at(-1)?.name ?? '').toString('base64url');
  const answer = {
    kind: 'storage#buckets',
    ...(page.length < wanted.length && { nextPageToken }),
    ...(items.length > 0 && { items }),
  };
  return jsonReply(parseFields(call.query.get('fields'))(answer));
}

/** buckets.insert. Throws 400, 409, and 501 for a field that would change how the bucket behaves. */
export async function createBucket(store: Store, call: Call): Promise<Reply> {
  const body = await readJsonBody(call.request);
  const unknown = Object.keys(body).find((field) => !BUCKET_FIELDS.includes(field));
  if (unknown !== undefined) throw notImplemented(`the bucket field "${unknown}"`);
  const bucket = store.createBucket({
    name: requireBucketName(textOr(body['name'], '')),
    location: textOr(body['location'], 'US').toUpperCase(),
    storageClass: textOr(body['storageClass'], 'STANDARD'),
  });
  return jsonReply(parseFields(call.query.get('fields'))(buildBucketResource(bucket, call.base)));
}

function textOr(value: unknown, otherwise: string): string {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'string') throw badRequest('Invalid value: a string is wanted.');
  return value;
}

/** buckets.get. Throws 404. */
export function getBucket(store: Store, call: Call, name: string): Reply {
  const { record } = store.bucket(name);
  requirePreconditions(parsePreconditions(call.query), BUCKET_VERSIONS, 'read');
  return jsonReply(parseFields(call.query.get('fields'))(buildBucketResource(record, call.base)));
}

/** buckets.delete. Throws 404, and 409 while there are objects in it. */
export function deleteBucket(store: Store, call: Call, name: string): Reply {
  store.bucket(name);
  requirePreconditions(parsePreconditions(call.query), BUCKET_VERSIONS, 'write');
  store.deleteBucket(name);
  return { status: 204 };
}

/** A flat namespace. `gcloud storage mv` requests this before it moves objects. */
export function getStorageLayout(store: Store, _call: Call, name: string): Reply {
  const { record } = store.bucket(name);
  return jsonReply({
    kind: 'storage#storageLayout',
    bucket: record.name,
    location: record.location,
    locationType: 'region',
    hierarchicalNamespace: { enabled: false },
  });
}

/** Always empty: finalize events are sent directly to their targets. */
export function listNotifications(store: Store, _call: Call, name: string): Reply {
  store.bucket(name);
  return jsonReply({ kind: 'storage#notifications' });
}
