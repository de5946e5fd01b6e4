import { readPages } from '../upstream/pages.ts';
import type { GsUri } from './uri.ts';

/** The metadata of one object in a listing or after a write. */
export interface ObjectInfo extends GsUri {
  /** int64 in decimal. A newer generation is larger: compare with {@link compareGenerations}, not as text. */
  readonly generation: string;
  /** Bytes. */
  readonly size: number;
  /** RFC 3339, for this generation. */
  readonly timeCreated: string;
  /** base64 of the big-endian CRC32C. */
  readonly crc32c: string;
  /** Custom metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The metadata in the response to a download, which is that of the generation downloaded. It does not contain the
 * creation time and the custom metadata; a listing does.
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
  /** Ends the call early with DeadlineError. Every call has its own deadline as well. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReadOptions extends CallOptions {
  /** The result is `unchanged` if the object still has this generation. */
  readonly ifGenerationNotMatch?: string;
}

export interface WriteOptions extends CallOptions {
  /** The generation that the object must have; `'0'`: it must not exist. There is no unconditional write. */
  readonly ifGenerationMatch: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallOptions {
  readonly bucket: string;
  readonly prefix?: string;
  /** With `'/'`, names with a further slash are combined into `prefixes`. */
  readonly delimiter?: string;
  /** First name listed (inclusive) and first not listed (exclusive), in UTF-8 byte order. */
  readonly startOffset?: string;
  readonly endOffset?: string;
  readonly pageToken?: string;
  /** Maximum and default: 1000. */
  readonly maxResults?: number;
}

export interface ObjectPage {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  readonly nextPageToken?: string;
}

/**
 * The part of Cloud Storage that the use cases need. Expected outcomes are values (`null`: absent, `'conflict'`: the
 * precondition failed); any other failure is thrown as UpstreamError, UnavailableError or DeadlineError.
 *
 * A `write` is sent again after an ambiguous failure, so `'conflict'` may be caused by the caller's own write: read the
 * object again and decide; do not conclude that another writer was there.
 */
export interface ObjectStore {
  read(uri: GsUri, options?: ReadOptions): Promise<StoredObject | 'unchanged' | null>;
  /** Streams the newest generation. Reading the body throws the same errors as the other calls. */
  stream(uri: GsUri, options?: CallOptions): Promise<ObjectStream | null>;
  write(uri: GsUri, text: string, options: WriteOptions): Promise<ObjectInfo | 'conflict'>;
  list(options: ListOptions): Promise<ObjectPage>;
}

/** -1, 0 or 1 if generation `a` is older than, equal to or newer than `b`. */
export function compareGenerations(a: string, b: string): -1 | 0 | 1 {
  const [x, y] = [BigInt(a), BigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Every object whose name begins with that of `folder`, in order; 1000 a call. */
export async function* listObjects(
  store: Pick<ObjectStore, 'list'>,
  { bucket, name: prefix }: GsUri,
  options: CallOptions = {},
): AsyncGenerator<ObjectInfo> {
  const pages = readPages(
    (token) => store.list({ ...options, bucket, prefix, ...(token !== undefined && { pageToken: token }) }),
    (page) => page.nextPageToken,
  );
  for await (const page of pages) yield* page.objects;
}

/**
 * Whether the name of any object begins with `prefix`. A page may be empty and still be followed by another:
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list
 */
export async function hasObjects(
  store: Pick<ObjectStore, 'list'>,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  options: CallOptions = {},
): Promise<boolean> {
  const pages = readPages(
    (token) =>
      store.list({ ...options, bucket, prefix, maxResults: 1, ...(token !== undefined && { pageToken: token }) }),
    (page) => page.nextPageToken,
  );
  for await (const page of pages) if (page.objects.length > 0) return true;
  return false;
}
