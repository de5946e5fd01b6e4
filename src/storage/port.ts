import type { GsUri } from './uri.ts';

/** What a listing or a stat tells of one object. */
export interface ObjectInfo extends GsUri {
  /** int64 in decimal; newer is larger: compare with {@link compareGenerations}, never as text. */
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** RFC 3339, of this generation. */
  readonly timeCreated: string;
  /** base64 of the big-endian CRC32C. */
  readonly crc32c: string;
  /** Custom metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What the answer to a download tells of its object: one request, and certainly of the generation that was read.
 * Creation time and custom metadata are not among it; a listing has them.
 */
export type MediaInfo = Omit<ObjectInfo, 'timeCreated' | 'metadata'>;

export interface StoredObject {
  readonly info: MediaInfo;
  readonly text: string;
}

export interface ObjectStream {
  readonly info: MediaInfo;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface CallOptions {
  /** Ends the call early with DeadlineError. Every call has a deadline of its own besides. */
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends CallOptions {
  /** Answer `unchanged` when the object still has this generation. */
  readonly ifGenerationNotMatch?: string;
}

export interface WriteOptions extends CallOptions {
  /** The generation that must be there; `'0'`: none may be. There is no unconditional write. */
  readonly ifGenerationMatch: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallOptions {
  readonly bucket: string;
  readonly prefix?: string;
  /** With `'/'`: names below a further slash are folded into `prefixes`. */
  readonly delimiter?: string;
  /** First name listed (inclusive) and first not listed (exclusive), in UTF-8 byte order. */
  readonly startOffset?: string;
  readonly endOffset?: string;
  readonly pageToken?: string;
  /** At most 1000, which is the default. */
  readonly maxResults?: number;
}

export interface ObjectPage {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  readonly nextPageToken?: string;
}

/**
 * Cloud Storage, as far as the use cases need it. Expected outcomes are values (`null`: absent, `'conflict'`: the
 * precondition failed); whatever else goes wrong is thrown as UpstreamError, UnavailableError or DeadlineError.
 *
 * A `write` is sent again after an ambiguous failure, so `'conflict'` may be the echo of one's own write:
 * read again and decide, never conclude that somebody else was there.
 */
export interface ObjectStore {
  read(uri: GsUri, options?: ReadOptions): Promise<StoredObject | 'unchanged' | null>;
  /** Streams the newest generation. The body throws like the other calls do. */
  stream(uri: GsUri, options?: CallOptions): Promise<ObjectStream | null>;
  write(uri: GsUri, text: string, options: WriteOptions): Promise<ObjectInfo | 'conflict'>;
  list(options: ListOptions): Promise<ObjectPage>;
}

/** -1, 0 or 1 as generation `a` is older than, the same as or newer than `b`. */
export function compareGenerations(a: string, b: string): -1 | 0 | 1 {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Whether any object's name begins with `prefix`. A page may be empty, and others follow all the same:
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list
 */
export async function hasObjects(
  store: Pick<ObjectStore, 'list'>,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  options: CallOptions = {},
): Promise<boolean> {
  let page = await store.list({ ...options, bucket, prefix, maxResults: 1 });
  while (page.objects.length === 0 && page.nextPageToken !== undefined) {
    page = await store.list({ ...options, bucket, prefix, maxResults: 1, pageToken: page.nextPageToken });
  }
  return page.objects.length > 0;
}
