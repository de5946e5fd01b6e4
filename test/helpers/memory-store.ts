import { DeadlineError, UpstreamError } from '../../src/errors.ts';
import { compareGenerations } from '../../src/storage/port.ts';
import type { ListOptions, ObjectInfo, ObjectPage, ObjectStore, StoredObject } from '../../src/storage/port.ts';
import type { GsUri } from '../../src/storage/uri.ts';
import { formatGsUri } from '../../src/storage/uri.ts';
import { crc32c } from './crc32c.ts';
import { compareUtf8 } from './utf8-order.ts';

export interface MemoryStoreOptions {
  /** The server's clock: what `timeCreated` is taken from. */
  readonly now: () => Date;
}

export interface PutOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** Instead of the server's clock, for a test of skewed clocks. */
  readonly timeCreated?: Date;
}

/** An {@link ObjectStore} in memory, and what a test does to it behind the product's back. */
export interface MemoryStore extends ObjectStore {
  /** Writes without a precondition, as a device with a signed URL does. */
  put(uri: GsUri, body: string | Uint8Array, options?: PutOptions): ObjectInfo;
  /** Removes the object; false when there was none. */
  delete(uri: GsUri): boolean;
  /** What a read would tell of it, without a call. */
  peek(uri: GsUri): StoredObject | null;
  /** Every object, of `bucket` when given, in listing order. */
  all(bucket?: string): readonly ObjectInfo[];
}

interface Entry {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array;
}

interface Bucket {
  readonly entries: Map<string, Entry>;
  /** Names in UTF-8 order; `null` while a name was added since the last listing. */
  names: string[] | null;
}

const MAX_NAME_BYTES = 1024;
const MAX_PAGE = 1000;

const firstAtOrAfter = (names: readonly string[], bound: string): number => {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(names[middle] ?? '', bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
};

const sortedNames = (bucket: Bucket): readonly string[] =>
  (bucket.names ??= [...bucket.entries.keys()].toSorted(compareUtf8));

const later = (a: string, b: string): string => (compareUtf8(a, b) < 0 ? b : a);

const listPage = (bucket: Bucket, options: ListOptions): ObjectPage => {
  const { prefix = '', delimiter, startOffset = '', endOffset, pageToken, maxResults = MAX_PAGE } = options;
  const names = sortedNames(bucket);
  const limit = Math.min(Math.max(1, maxResults), MAX_PAGE);
  const objects: ObjectInfo[] = [];
  const prefixes = new Set<string>();
  const after = pageToken === undefined ? '' : Buffer.from(pageToken, 'base64url').toString();
  for (let at = firstAtOrAfter(names, later(later(prefix, startOffset), after)); at < names.length; at += 1) {
    const name = names[at] ?? '';
    if (!name.startsWith(prefix) || (endOffset !== undefined && compareUtf8(name, endOffset) >= 0)) break;
    if (pageToken !== undefined && (name === after || (after.endsWith('/') && name.startsWith(after)))) continue;
    const cut = delimiter === undefined ? -1 : name.indexOf(delimiter, prefix.length);
    const folded = cut < 0 || delimiter === undefined ? null : name.slice(0, cut + delimiter.length);
    if (folded !== null && prefixes.has(folded)) continue;
    if (objects.length + prefixes.size === limit) {
      const last = later(objects.at(-1)?.name ?? '', [...prefixes].at(-1) ?? '');
      return { objects, prefixes: [...prefixes], nextPageToken: Buffer.from(last).toString('base64url') };
    }
    const info = bucket.entries.get(name)?.info;
    if (folded !== null) prefixes.add(folded);
    else if (info !== undefined) objects.push(info);
  }
  return { objects, prefixes: [...prefixes] };
};

const checkSignal = (signal: AbortSignal | undefined, what: string): void => {
  if (signal?.aborted === true) throw new DeadlineError(`${what}: the deadline had passed before the call`);
};

/** Buckets in memory, made on first use. Each method takes effect at once, when it is called. */
export const createMemoryStore = (options: MemoryStoreOptions): MemoryStore => {
  const buckets = new Map<string, Bucket>();
  let lastGeneration = 0n;

  const bucketOf = (name: string): Bucket => {
    const found = buckets.get(name) ?? { entries: new Map<string, Entry>(), names: [] };
    buckets.set(name, found);
    return found;
  };
  const entryOf = (uri: GsUri): Entry | undefined => buckets.get(uri.bucket)?.entries.get(uri.name);

  const put: MemoryStore['put'] = (uri, body, { metadata = {}, timeCreated = options.now() } = {}) => {
    if (uri.name === '' || Buffer.byteLength(uri.name) > MAX_NAME_BYTES) {
      throw new UpstreamError(`write ${formatGsUri(uri)}: 400, a name has 1 to ${MAX_NAME_BYTES} bytes`);
    }
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    lastGeneration += 1n;
    const info: ObjectInfo = {
      bucket: uri.bucket,
      name: uri.name,
      generation: lastGeneration.toString(),
      size: bytes.length,
      timeCreated: timeCreated.toISOString(),
      crc32c: crc32c(bytes),
      metadata,
    };
    const bucket = bucketOf(uri.bucket);
    if (!bucket.entries.has(uri.name)) bucket.names = null;
    bucket.entries.set(uri.name, { info, bytes });
    return info;
  };

  const peek: MemoryStore['peek'] = (uri) => {
    const entry = entryOf(uri);
    return entry === undefined ? null : { info: entry.info, text: Buffer.from(entry.bytes).toString() };
  };

  return {
    put,
    peek,
    delete: (uri) => {
      const bucket = bucketOf(uri.bucket);
      bucket.names = bucket.names?.filter((name) => name !== uri.name) ?? null;
      return bucket.entries.delete(uri.name);
    },
    all: (bucket) =>
      [...buckets]
        .filter(([name]) => bucket === undefined || name === bucket)
        .flatMap(([, each]) => sortedNames(each).flatMap((name) => each.entries.get(name)?.info ?? [])),
    read: async (uri, { signal, ifGenerationNotMatch } = {}) => {
      checkSignal(signal, `read ${formatGsUri(uri)}`);
      const found = peek(uri);
      if (found === null || ifGenerationNotMatch === undefined) return found;
      return compareGenerations(found.info.generation, ifGenerationNotMatch) === 0 ? 'unchanged' : found;
    },
    stream: async (uri, { signal } = {}) => {
      checkSignal(signal, `stream ${formatGsUri(uri)}`);
      const entry = entryOf(uri);
      if (entry === undefined) return null;
      const body = (async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < entry.bytes.length; at += 65_536) yield entry.bytes.subarray(at, at + 65_536);
      })();
      return { info: entry.info, body };
    },
    write: async (uri, text, { signal, ifGenerationMatch, metadata = {} }) => {
      checkSignal(signal, `write ${formatGsUri(uri)}`);
      const generation = entryOf(uri)?.info.generation ?? '0';
      if (compareGenerations(generation, ifGenerationMatch) !== 0) return 'conflict';
      return put(uri, text, { metadata });
    },
    list: async (listing) => {
      checkSignal(listing.signal, `list gs://${listing.bucket}/${listing.prefix ?? ''}`);
      return listPage(bucketOf(listing.bucket), listing);
    },
  };
};
