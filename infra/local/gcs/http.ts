import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { badRequest, buildErrorBody, GcsError, notImplemented } from './errors.ts';

/** One request, as the handlers see it. */
export interface Call {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  /** `http://host:port` as the client knows it. */
  readonly base: string;
}

/** One answer; it is sent only after its change is on disk. */
export interface Reply {
  readonly status: number;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer | Readable;
}

const JSON_TYPE = 'application/json; charset=UTF-8';
const MAX_JSON_BYTES = 2 * 1024 * 1024;

const COMMON_PARAMETERS = new Set(
  'alt fields key prettyPrint quotaUser userIp userProject projection oauth_token access_token'.split(' '),
);

const UNSUPPORTED_HEADERS = ['if-match', 'if-none-match', 'x-goog-encryption-algorithm', 'x-goog-encryption-key'];

/** An answer with a JSON body. */
export function jsonReply(value: unknown, headers: OutgoingHttpHeaders = {}, status = 200): Reply {
  return {
    status,
    headers: { 'content-type': JSON_TYPE, ...headers },
    body: JSON.stringify(value),
  };
}

/** The answer to an error; a media request gets only the message, as from the real service. */
export function errorReply(error: GcsError, media: boolean): Reply {
  if (error.status === 304) return { status: 304, headers: error.headers };
  const type = media ? 'text/html; charset=UTF-8' : JSON_TYPE;
  const body = media ? error.message : buildErrorBody(error);
  return { status: error.status, headers: { 'content-type': type, ...error.headers }, body };
}

/** Whether `value` is an object with names, not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON object, or `{}` from nothing. Throws 400. */
export function parseJsonObject(text: string): Record<string, unknown> {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest('Parse Error', 'parseError');
  }
  if (!isRecord(value)) throw badRequest('The request body must be a JSON object.', 'parseError');
  return value;
}

/** The whole request body as JSON. Throws 400, and 413 past 2 MiB. */
export async function readJsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw new GcsError(413, 'uploadTooLarge', 'The request body is too large.');
    chunks.push(chunk);
  }
  return parseJsonObject(Buffer.concat(chunks).toString());
}

/** Throws 501 for a query parameter that would otherwise be ignored. */
export function requireKnownParameters(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (!COMMON_PARAMETERS.has(name) && !known.includes(name)) throw notImplemented(`the parameter "${name}"`);
  }
}

/** Throws 501 for a header that would be ignored otherwise. */
export function requireKnownHeaders(request: IncomingMessage): void {
  const name = UNSUPPORTED_HEADERS.find((header) => request.headers[header] !== undefined);
  if (name !== undefined) throw notImplemented(`the header "${name}"`);
}

/** Sends `reply`. If the body fails midway, the connection is closed, so that the body is not taken for a complete one. */
export async function sendReply(response: ServerResponse, { status, headers, body }: Reply): Promise<void> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    const length = status === 304 || status === 204 ? {} : { 'content-length': Buffer.byteLength(body ?? '') };
    response.writeHead(status, { ...headers, ...length });
    response.end(body);
    return;
  }
  response.writeHead(status, headers);
  await pipeline(body, response).catch(() => response.destroy());
}
