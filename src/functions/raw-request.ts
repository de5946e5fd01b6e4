import { subscribe } from 'node:diagnostics_channel';
import { Server } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { InvalidRequestError, TooLargeError, UnsupportedMediaError } from '../errors.ts';

/** Bodies up to this size are read; Cloud Scheduler sends at most 1 MB, and a values file has a few kB. */
export const MAX_BODY_BYTES = 1_048_576;

const CONTENT_TYPE = 'x-tensorio-content-type';
const CONTENT_ENCODING = 'x-tensorio-content-encoding';

let installed = false;

export interface RawBody {
  readonly bytes: Uint8Array;
  /** As the client sent it, parameters included. */
  readonly contentType: string | undefined;
}

const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  identity: async (bytes) => bytes,
  gzip: (bytes) => promisify(gunzip)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
  deflate: (bytes) => promisify(inflate)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
  br: (bytes) => promisify(brotliDecompress)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
};

/**
 * Makes functions-framework hand every body over as the bytes that came. It parses bodies before the function is
 * called (functions-framework 5.0.5, `server.js`), and a body, an encoding or a path that it cannot read is answered
 * by express itself: as HTML, with a stack trace outside production. Node publishes `http.server.request.start` before
 * any listener runs; there, content type and encoding are put aside under names that only {@link readBody} reads.
 * https://nodejs.org/api/diagnostics_channel.html#http
 */
export function keepBodiesRaw(): void {
  if (installed) return;
  installed = true;
  subscribe('http.server.request.start', (message) => {
    if (typeof message !== 'object' || message === null || !('request' in message) || !('server' in message)) return;
    if (isMessage(message.request) && isOfExpress(message.server)) setAside(message.request);
  });
}

function isMessage(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'headers' in value && 'url' in value;
}

/** Whether express answers for this server: another one of the same process keeps its requests as they came. */
function isOfExpress(server: unknown): boolean {
  return (
    server instanceof Server &&
    server.listeners('request').some((listener) => 'handle' in listener && 'settings' in listener)
  );
}

function setAside(request: IncomingMessage): void {
  const { headers } = request;
  // A request without a body has no `body` either, on which the framework's middleware for events throws a TypeError: an
  // empty event would be answered 500, and be delivered again for a day. Body-parser replaces it where there is a body.
  Object.assign(request, { body: Buffer.alloc(0) });
  // What a client sends under these names itself must not be taken for what we put there.
  delete headers[CONTENT_TYPE];
  delete headers[CONTENT_ENCODING];
  if (headers['content-type'] !== undefined) headers[CONTENT_TYPE] = headers['content-type'];
  if (headers['content-encoding'] !== undefined) headers[CONTENT_ENCODING] = headers['content-encoding'];
  headers['content-type'] = 'application/octet-stream';
  delete headers['content-encoding'];
  const [path = '/', query] = (request.url ?? '/').split('?', 2);
  // Taken literally, an escape that is none is answered by our own 400.
  if (!isDecodable(path)) request.url = path.replaceAll('%', '%25') + (query === undefined ? '' : `?${query}`);
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * The request's body as the client sent it, unpacked. `bytes` is what the framework kept of it. Throws TooLargeError,
 * UnsupportedMediaError, or InvalidRequestError on a body that is not what its encoding says.
 */
export async function readBody(headers: IncomingMessage['headers'], bytes: Uint8Array | undefined): Promise<RawBody> {
  const contentType = first(headers[CONTENT_TYPE]);
  if (bytes === undefined || bytes.length === 0) return { bytes: new Uint8Array(), contentType };
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  const encoding = (first(headers[CONTENT_ENCODING]) ?? 'identity').trim().toLowerCase();
  return { bytes: await decode(bytes, encoding), contentType };
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function tooLarge(): TooLargeError {
  return new TooLargeError(`The body is larger than ${MAX_BODY_BYTES} bytes, the most this service reads.`);
}

async function decode(bytes: Uint8Array, encoding: string): Promise<Uint8Array> {
  const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (decoder === undefined) {
    throw new UnsupportedMediaError(
      `Content-Encoding "${encoding.slice(0, 40)}" is not read here; send the body plain, or as gzip, deflate or br.`,
    );
  }
  try {
    return await decoder(bytes);
  } catch (cause) {
    // ERR_BUFFER_TOO_LARGE: maxOutputLength was reached, which stops a body that unpacks to gigabytes.
    if (cause instanceof RangeError) throw tooLarge();
    throw new InvalidRequestError(`The body is not valid ${encoding}, as its Content-Encoding says.`, [], { cause });
  }
}
