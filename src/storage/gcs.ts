import { randomUUID } from 'node:crypto';
import { CRC32C } from '@google-cloud/storage';
import * as z from 'zod';
import { AppError } from '../errors.ts';
import { type Answer, callUpstream, parseRetryAfter } from '../upstream/call.ts';
import type { Operation } from './gcs-errors.ts';
import { parseAnswer, parseError, translateDeadline, translateFailure, translateRefusal } from './gcs-errors.ts';
import { type Media, openMedia, readBody } from './gcs-media.ts';
import type { GcsAnswer, GcsRequest, GcsTransport, MediaBody } from './gcs-transport.ts';
import { createGcsTransport } from './gcs-transport.ts';
import type { ListOptions, ObjectInfo, ObjectPage, ObjectStore, StoredObject, WriteOptions } from './port.ts';
import type { GsUri } from './uri.ts';

export interface GcsStoreOptions {
  /** `http://127.0.0.1:P` of a local server, which is called without credentials. Default: Google's, with ADC. */
  readonly apiEndpoint?: string;
  readonly projectId?: string;
  /** For a call with its retries, and the maximum time without a byte in a stream. Default 10 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_REQUESTS = 5;
const MAX_ERROR_BYTES = 64 * 1024;
/** An object resource: https://cloud.google.com/storage/docs/json_api/v1/objects#resource */
const InfoSchema = z.object({
  name: z.string(),
  generation: z.string(),
  size: z.string().transform(Number),
  timeCreated: z.string(),
  // Omitted for an object with a customer-supplied encryption key, unless the request has that key.
  crc32c: z.string().catch(''),
  metadata: z.record(z.string(), z.coerce.string()).catch({}),
});
/** A page may have neither items nor prefixes. Without the check of its kind, any JSON would pass for an empty last page. */
const PageSchema = z.object({
  kind: z.literal('storage#objects'),
  items: z.array(InfoSchema).default([]),
  prefixes: z.array(z.string()).default([]),
  nextPageToken: z.string().catch(''),
});
/** The fields of an object that {@link ObjectInfo} has. */
const INFO_FIELDS = 'name,generation,size,timeCreated,crc32c,metadata';

/**
 * Cloud Storage through @google-cloud/storage. Every call is one HTTP request, and idempotent: it is sent again while
 * its error is temporary. The metadata of a bucket is never read.
 */
export function createGcsObjectStore(options: GcsStoreOptions = {}): ObjectStore {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const transport = createGcsTransport(options);
  function call<T>(
    operation: Operation,
    signal: AbortSignal | undefined,
    send: (signal: AbortSignal) => Promise<Answer<T>>,
  ): Promise<T> {
    return callUpstream({
      timeoutMs,
      maxRequests: MAX_REQUESTS,
      signal,
      send: (ended) => send(ended).catch((error: unknown) => failed(operation, error)),
      onDeadline: (elapsedMs, reason) => translateDeadline(operation, elapsedMs, reason),
    });
  }

  return {
    read(uri, { signal, ifGenerationNotMatch } = {}) {
      const operation: Operation = { verb: 'read', uri };
      return call<StoredObject | 'unchanged' | null>(operation, signal, async (ended) => {
        const answer = await download(transport, operation, ifGenerationNotMatch, ended, timeoutMs);
        if (answer.kind === 'failed') return answer;
        const { value } = answer;
        if (value === null || value === 'unchanged') return { kind: 'value', value };
        return { kind: 'value', value: await readText(operation, value, ended, timeoutMs) };
      });
    },
    async stream(uri, { signal } = {}) {
      const operation: Operation = { verb: 'stream', uri };
      const media = await call(operation, signal, (ended) =>
        download(transport, operation, undefined, ended, timeoutMs),
      );
      if (media === null || media === 'unchanged') return null;
      return {
        info: media.info,
        body: readBody(operation, media.body, media.expectedCrc32c, { idleMs: timeoutMs, signal }),
      };
    },
    write(uri, text, writeOptions) {
      const operation: Operation = { verb: 'write', uri };
      const request = buildUpload(uri, text, writeOptions);
      return call<ObjectInfo | 'conflict'>(operation, writeOptions.signal, async (ended) => {
        const answer = await transport.json(request, ended);
        if (answer.status === 412) return { kind: 'value', value: 'conflict' };
        if (answer.status !== 200) return refused(operation, answer);
        return { kind: 'value', value: parseAnswer(operation, () => parseObjectInfo(uri.bucket, answer.body)) };
      });
    },
    list(listOptions) {
      const operation: Operation = {
        verb: 'list',
        uri: { bucket: listOptions.bucket, name: listOptions.prefix ?? '' },
      };
      const request = buildList(listOptions);
      return call<ObjectPage>(operation, listOptions.signal, async (ended) => {
        const answer = await transport.json(request, ended);
        if (answer.status !== 200) return refused(operation, answer);
        return { kind: 'value', value: parseAnswer(operation, () => parseObjectPage(listOptions, answer.body)) };
      });
    },
  };
}

function failed(operation: Operation, error: unknown): Answer<never> {
  return { kind: 'failed', error: error instanceof AppError ? error : translateFailure(operation, error) };
}

function refused(operation: Operation, { status, headers, body }: GcsAnswer<unknown>): Answer<never> {
  const error = translateRefusal(operation, { status, ...parseError(body) });
  return { kind: 'failed', error, retryAfterMs: parseRetryAfter(headers) };
}

/** Requests a download: the response with its body still unread, or `null` if there is no object. */
async function download(
  transport: GcsTransport,
  operation: Operation,
  ifGenerationNotMatch: string | undefined,
  signal: AbortSignal,
  idleMs: number,
): Promise<Answer<Media | 'unchanged' | null>> {
  const path = `${objectsPath(operation.uri)}/${encodeURIComponent(operation.uri.name)}`;
  const query = buildQuery({ alt: 'media', ifGenerationNotMatch });
  const answer = await transport.media({ method: 'GET', path: `${path}?${query}` }, signal);
  if (answer.status === 200) return { kind: 'value', value: openMedia(operation, answer) };
  const body = await readErrorText(operation, answer.body, signal, idleMs);
  if (answer.status === 304) return { kind: 'value', value: 'unchanged' };
  // A 404 may mean the bucket, not the object.
  if (answer.status === 404 && !/bucket does not exist/i.test(parseError(body).message))
    return { kind: 'value', value: null };
  return refused(operation, { ...answer, body });
}

function objectsPath({ bucket }: Pick<GsUri, 'bucket'>): string {
  return `/storage/v1/b/${bucket}/o`;
}

function buildQuery(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

async function readErrorText(
  operation: Operation,
  body: MediaBody,
  signal: AbortSignal,
  idleMs: number,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(operation, body, null, { idleMs, signal })) {
    parts.push(chunk);
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(parts).toString();
}

async function readText(
  operation: Operation,
  media: Media,
  signal: AbortSignal,
  idleMs: number,
): Promise<StoredObject> {
  const parts = await Array.fromAsync(readBody(operation, media.body, media.expectedCrc32c, { idleMs, signal }));
  return { info: media.info, text: Buffer.concat(parts).toString() };
}

function buildUpload({ bucket, name }: GsUri, text: string, options: WriteOptions): GcsRequest {
  const { ifGenerationMatch, contentType = 'application/json', metadata } = options;
  const crc32c = new CRC32C();
  crc32c.update(Buffer.from(text));
  // With the checksum in the metadata, Cloud Storage refuses a body that was damaged in transit.
  const resource = JSON.stringify({ name, contentType, crc32c: crc32c.toString(), ...(metadata && { metadata }) });
  const boundary = randomUUID();
  function part(type: string, body: string): string {
    return `--${boundary}\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`;
  }
  const query = buildQuery({ uploadType: 'multipart', ifGenerationMatch, fields: INFO_FIELDS });
  return {
    method: 'POST',
    path: `/upload${objectsPath({ bucket })}?${query}`,
    headers: { 'Content-Type': `multipart/related; boundary=${boundary}` },
    body: `${part('application/json; charset=UTF-8', resource)}${part(contentType, text)}--${boundary}--`,
  };
}

function buildList(options: ListOptions): GcsRequest {
  const { bucket, prefix, delimiter, startOffset, endOffset, pageToken, maxResults } = options;
  const fields = `kind,nextPageToken,prefixes,items(${INFO_FIELDS})`;
  const query = buildQuery({ prefix, delimiter, startOffset, endOffset, pageToken, maxResults, fields });
  return { method: 'GET', path: `${objectsPath({ bucket })}?${query}` };
}

/** One page of objects.list. Throws TypeError. */
function parseObjectPage({ bucket }: ListOptions, body: unknown): ObjectPage {
  const { items, prefixes, nextPageToken } = parseResource(PageSchema, body, 'a list of objects');
  return {
    objects: items.map((item) => ({ bucket, ...item })),
    prefixes,
    ...(nextPageToken !== '' && { nextPageToken }),
  };
}

/** One object resource. Throws TypeError if a field is missing. */
function parseObjectInfo(bucket: string, body: unknown): ObjectInfo {
  return { bucket, ...parseResource(InfoSchema, body, 'an object resource') };
}

function parseResource<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new TypeError(field === '' || field === 'kind' ? `it is not ${what}` : `the field "${field}" is missing`);
}
