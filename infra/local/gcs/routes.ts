import * as buckets from './buckets.ts';
import { rewriteObject } from './copy.ts';
import { GcsError, notImplemented } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { requireKnownHeaders, requireKnownParameters } from './http.ts';
import { insertObject } from './insert.ts';
import { getMedia } from './media.ts';
import { decodeSegment } from './names.ts';
import * as objects from './objects.ts';
import type { ResumableUploads } from './resumable.ts';
import type { Store } from './store.ts';

export interface RouteDeps {
  readonly store: Store;
  readonly uploads: ResumableUploads;
}

interface Route {
  readonly method: string;
  /** Matched on the encoded path, so that an encoded slash stays within its segment. */
  readonly path: RegExp;
  readonly parameters: readonly string[];
  readonly handle: (deps: RouteDeps, call: Call, segments: readonly string[]) => Reply | Promise<Reply>;
}

const MATCH = 'ifGenerationMatch ifGenerationNotMatch ifMetagenerationMatch ifMetagenerationNotMatch';
const SOURCE_MATCH = MATCH.replaceAll('if', 'ifSource');
const LIST =
  'prefix delimiter includeTrailingDelimiter startOffset endOffset pageToken maxResults versions ' +
  'includeFoldersAsPrefixes matchGlob filter softDeleted';
const INSERT = `uploadType name contentEncoding ${MATCH}`;
const COPY = `maxBytesRewrittenPerCall rewriteToken sourceGeneration ${MATCH} ${SOURCE_MATCH}`;

const B = '([^/]+)';
const API = '^(?:/storage/v1)?/b';
const UPLOAD = '^(?:/resumable)?/upload(?:/storage/v1)?/b';

const ROUTES: readonly Route[] = [
  route('GET', `${API}`, 'project prefix maxResults pageToken', ({ store }, call) => buckets.listBuckets(store, call)),
  route('POST', `${API}`, 'project enableObjectRetention', ({ store }, call) => buckets.createBucket(store, call)),
  route('GET', `${API}/${B}`, MATCH, ({ store }, call, s) => buckets.getBucket(store, call, first(s, 0))),
  route('DELETE', `${API}/${B}`, MATCH, ({ store }, call, s) => buckets.deleteBucket(store, call, first(s, 0))),
  route('GET', `${API}/${B}/storageLayout`, 'prefix', ({ store }, call, s) =>
    buckets.getStorageLayout(store, call, first(s, 0)),
  ),
  route('GET', `${API}/${B}/notificationConfigs`, '', ({ store }, call, s) =>
    buckets.listNotifications(store, call, first(s, 0)),
  ),
  route('GET', `${API}/${B}/o`, LIST, ({ store }, call, s) => objects.listObjects(store, call, first(s, 0))),
  route('GET', `${API}/${B}/o/${B}`, `generation ${MATCH}`, ({ store }, call, s) =>
    objects.getObject(store, call, first(s, 0), first(s, 1)),
  ),
  route('GET', `^/download(?:/storage/v1)?/b/${B}/o/${B}`, `generation ${MATCH}`, ({ store }, call, s) =>
    getMedia(store, call, first(s, 0), first(s, 1)),
  ),
  route('DELETE', `${API}/${B}/o/${B}`, `generation ${MATCH}`, ({ store }, call, s) =>
    objects.deleteObject(store, call, first(s, 0), first(s, 1)),
  ),
  route('PATCH', `${API}/${B}/o/${B}`, `generation ${MATCH}`, ({ store }, call, s) =>
    objects.patchObject(store, call, first(s, 0), first(s, 1)),
  ),
  route('POST', `${API}/${B}/o/${B}/rewriteTo/b/${B}/o/${B}`, COPY, ({ store }, call, s) =>
    rewriteObject(store, call, copyPath(s)),
  ),
  route('POST', `${UPLOAD}/${B}/o`, INSERT, ({ store, uploads }, call, s) =>
    call.query.get('uploadType') === 'resumable'
      ? uploads.start(store, call, first(s, 0))
      : insertObject(store, call, first(s, 0)),
  ),
  route('PUT', `${UPLOAD}/${B}/o`, `upload_id ${INSERT}`, ({ store, uploads }, call) => uploads.resume(store, call)),
  route('DELETE', `${UPLOAD}/${B}/o`, `upload_id ${INSERT}`, ({ uploads }, call) => uploads.cancel(call)),
];

/** Carries a request out. Throws GcsError. */
export async function dispatch(deps: RouteDeps, call: Call): Promise<Reply> {
  for (const { method, path, parameters, handle } of ROUTES) {
    const segments = method === call.method ? path.exec(call.path) : null;
    if (segments === null) continue;
    requireKnownParameters(call.query, parameters);
    requireKnownHeaders(call.request);
    return handle(deps, call, segments.slice(1));
  }
  throw unknownPath(call);
}

function unknownPath(call: Call): GcsError {
  if (!ROUTES.some(({ path }) => path.test(call.path))) {
    return /\/o\/[^/]+\/./.test(call.path)
      ? new GcsError(404, 'notFound', 'Not Found: slashes in an object name must be percent-encoded (%2F).')
      : notImplemented(`${call.method} ${call.path.slice(0, 200)}`);
  }
  return notImplemented(`the method ${call.method} on ${call.path.slice(0, 200)}`);
}

function route(method: string, path: string, parameters: string, handle: Route['handle']): Route {
  return {
    method,
    path: new RegExp(`${path}$`),
    parameters: parameters.split(' ').filter(Boolean),
    handle,
  };
}

function first(segments: readonly string[], index: number): string {
  return decodeSegment(segments[index] ?? '');
}

function copyPath(s: readonly string[]) {
  return [first(s, 0), first(s, 1), first(s, 2), first(s, 3)] as const;
}
