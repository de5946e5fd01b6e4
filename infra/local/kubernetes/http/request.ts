import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { notImplemented, StatusError } from '../status.ts';

/** A request whose body has been read. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The API server's limit. */
const bodyLimitBytes = 3 * 1024 * 1024;

// Every client library may send these; they change how the answer looks, or how long it may take.
const harmless = new Set(['pretty', 'timeout']);

/** Reads a request to its end. Throws 413 when its body is larger than the API server takes. */
export async function readRequest(message: IncomingMessage): Promise<ApiRequest> {
  const [path, query] = splitOnce(message.url ?? '/', '?');
  return {
    method: message.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers: message.headers,
    body: await readBody(message),
  };
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > bodyLimitBytes) {
      throw new StatusError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${bodyLimitBytes}`, {});
    }
    chunks.push(buffer);
  }
  return Buffer.concat(chunks);
}

/** 501 for a query parameter that `verb` does not know here: ignoring it could mean something else than was asked. */
export function checkQuery(request: ApiRequest, verb: string, known: readonly string[]): void {
  for (const name of request.query.keys()) {
    if (!known.includes(name) && !harmless.has(name)) throw notImplemented(`the query parameter ${name} for ${verb}`);
  }
}

/** The field manager: as asked, or the name of the program as in its User-Agent. */
export function managerOf(request: ApiRequest): string {
  const asked = request.query.get('fieldManager');
  if (asked !== null && asked !== '') return asked;
  const program = (request.headers['user-agent'] ?? '').split('/')[0] ?? '';
  return program === '' ? 'unknown' : program.slice(0, 128);
}
