import { randomUUID } from 'node:crypto';
import { CRC32C } from '@google-cloud/storage';
import { INFO_FIELDS, parseMediaHead, parseObjectInfo, parseObjectPage } from './gcs-answers.ts';
import { readBody } from './gcs-body.ts';
import type { Outcome } from './gcs-call.ts';
import { callWithRetries } from './gcs-call.ts';
import type { Attempt } from './gcs-errors.ts';
import {
  isBucketMissing,
  parseErrorMessage,
  parseRetryAfter,
  translateRefusal,
  translateUnreadable,
} from './gcs-errors.ts';
import type { GcsAnswer, GcsRequest, GcsTransport, MediaBody } from './gcs-transport.ts';
import { createGcsTransport } from './gcs-transport.ts';
import type { ListOptions, ObjectStore, StoredObject, WriteOptions } from './port.ts';
import type { GsUri } from './uri.ts';

export interface GcsStoreOptions {
  /** `http://127.0.0.1:P` of a local server, which is then called without credentials. Unset: Google's, with ADC. */
  readonly apiEndpoint?: string;
  readonly projectId?: string;
  /** Of a call with its retries, and the longest silence within a stream. 10 s. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Cloud Storage over @google-cloud/storage, made at the first call. Every call is one HTTP request unless it has to be
 * repeated; a bucket's metadata is never asked for.
 */
export function createGcsObjectStore(options: GcsStoreOptions = {}): ObjectStore {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const transport = createGcsTransport(options);
  const limits = { timeoutMs };

  return {
    read(uri, { signal, ifGenerationNotMatch } = {}) {
      const attempt: Attempt = { verb: 'read', uri };
      return callWithRetries<StoredObject | 'unchanged' | null>(attempt, limits, signal, async (ended) => {
        const outcome = await openMedia(transport, attempt, ifGenerationNotMatch, ended, timeoutMs);
        if (outcome.kind === 'failed') return outcome;
        const { value } = outcome;
        if (value === null || value === 'unchanged') return { kind: 'value', value };
        return { kind: 'value', value: await readText(attempt, value, ended, timeoutMs) };
      });
    },
    async stream(uri, { signal } = {}) {
      const attempt: Attempt = { verb: 'stream', uri };
      const answer = await callWithRetries(attempt, limits, signal, (ended) =>
        openMedia(transport, attempt, undefined, ended, timeoutMs),
      );
      if (answer === null || answer === 'unchanged') return null;
      const { info, expectedCrc32c } = parseWith(attempt, () => parseMediaHead(uri, answer.headers));
      return { info, body: readBody(attempt, answer.body, { idleMs: timeoutMs, signal, expectedCrc32c }) };
    },
    write(uri, text, writeOptions) {
      const attempt: Attempt = { verb: 'write', uri };
      const request = buildUpload(uri, text, writeOptions);
      return callWithRetries(attempt, limits, writeOptions.signal, async (ended) => {
        const answer = await transport.json(request, ended);
        if (answer.status === 412) return { kind: 'value', value: 'conflict' as const };
        if (answer.status !== 200) return refuse(attempt, answer);
        return { kind: 'value', value: parseWith(attempt, () => parseObjectInfo(uri.bucket, answer.body)) };
      });
    },
    list(listOptions) {
      const attempt: Attempt = { verb: 'list', uri: { bucket: listOptions.bucket, name: listOptions.prefix ?? '' } };
      const request = buildList(listOptions);
      return callWithRetries(attempt, limits, listOptions.signal, async (ended) => {
        const answer = await transport.json(request, ended);
        if (answer.status !== 200) return refuse(attempt, answer);
        return { kind: 'value', value: parseWith(attempt, () => parseObjectPage(listOptions, answer.body)) };
      });
    },
  };
}

/** What a media request comes to: the answer with its body still to be read, or that there is none. */
async function openMedia(
  transport: GcsTransport,
  attempt: Attempt,
  ifGenerationNotMatch: string | undefined,
  signal: AbortSignal,
  idleMs: number,
): Promise<Outcome<GcsAnswer<MediaBody> | 'unchanged' | null>> {
  const query = buildQuery({ alt: 'media', ifGenerationNotMatch });
  const answer = await transport.media({ method: 'GET', path: `${objectPath(attempt.uri)}?${query}` }, signal);
  if (answer.status === 200) return { kind: 'value', value: answer };
  const body = await readErrorText(attempt, answer.body, signal, idleMs);
  if (answer.status === 304) return { kind: 'value', value: 'unchanged' };
  if (answer.status === 404 && !isBucketMissing(parseErrorMessage(body))) return { kind: 'value', value: null };
  return refuse(attempt, { ...answer, body });
}

function buildQuery(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.toString();
}

function objectPath({ bucket, name }: GsUri): string {
  return `/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`;
}

async function readErrorText(attempt: Attempt, body: MediaBody, signal: AbortSignal, idleMs: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of readBody(attempt, body, { idleMs, signal, expectedCrc32c: null })) {
    parts.push(chunk);
    size += chunk.length;
    if (size > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(parts).toString();
}

function refuse<T>(attempt: Attempt, answer: GcsAnswer<unknown>): Outcome<T> {
  const { status, headers, body } = answer;
  return {
    kind: 'failed',
    error: translateRefusal(attempt, { status, message: parseErrorMessage(body) }),
    retryAfterMs: parseRetryAfter(headers),
  };
}

async function readText(attempt: Attempt, answer: GcsAnswer<MediaBody>, signal: AbortSignal, idleMs: number) {
  const { info, expectedCrc32c } = parseWith(attempt, () => parseMediaHead(attempt.uri, answer.headers));
  const parts: Uint8Array[] = [];
  for await (const chunk of readBody(attempt, answer.body, { idleMs, signal, expectedCrc32c })) parts.push(chunk);
  return { info, text: Buffer.concat(parts).toString() };
}

/** Parses an answer; one that is not what is due may be a proxy's, and is asked for again. */
function parseWith<T>(attempt: Attempt, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw translateUnreadable(attempt, `the answer cannot be read: ${error.message}`);
  }
}

function buildUpload({ bucket, name }: GsUri, text: string, options: WriteOptions): GcsRequest {
  const { ifGenerationMatch, contentType = 'application/json', metadata } = options;
  const crc32c = new CRC32C();
  crc32c.update(Buffer.from(text));
  // With the checksum in the metadata, Cloud Storage itself refuses what was damaged on the way.
  const resource = JSON.stringify({ name, contentType, crc32c: crc32c.toString(), ...(metadata && { metadata }) });
  const boundary = randomUUID();
  function part(type: string, body: string): string {
    return `--${boundary}\r\nContent-Type: ${type}\r\n\r\n${body}\r\n`;
  }
  const query = buildQuery({ uploadType: 'multipart', ifGenerationMatch, fields: INFO_FIELDS });
  return {
    method: 'POST',
    path: `/upload/storage/v1/b/${bucket}/o?${query}`,
    headers: { 'Content-Type': `multipart/related; boundary=${boundary}` },
    body: `${part('application/json; charset=UTF-8', resource)}${part(contentType, text)}--${boundary}--`,
  };
}

function buildList(options: ListOptions): GcsRequest {
  const { bucket, prefix, delimiter, startOffset, endOffset, pageToken, maxResults } = options;
  const fields = `kind,nextPageToken,prefixes,items(${INFO_FIELDS})`;
  const query = buildQuery({ prefix, delimiter, startOffset, endOffset, pageToken, maxResults, fields });
  return { method: 'GET', path: `/storage/v1/b/${bucket}/o?${query}` };
}
