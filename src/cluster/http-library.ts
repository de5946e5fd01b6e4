import { type HttpLibrary, type RequestContext, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import { countUpstreamCall } from '../log.ts';

/**
 * Sends one request and reads its answer to the end, so that the signal of the request covers the body too and the
 * connection is free again when this returns. Throws what undici throws (no answer), never for a status.
 */
export async function sendRequest(dispatcher: Dispatcher, context: RequestContext): Promise<ResponseContext> {
  const url = new URL(context.getUrl());
  const signal = context.getSignal();
  countUpstreamCall();
  const response = await dispatcher.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: context.getHttpMethod(),
    headers: context.getHeaders(),
    body: readBody(context),
    ...(signal !== undefined && { signal }),
  });
  const bytes = Buffer.from(await response.body.arrayBuffer());
  return new ResponseContext(response.statusCode, buildHeaders(response.headers), {
    text: () => Promise.resolve(bytes.toString('utf8')),
    binary: () => Promise.resolve(bytes),
    stream: () => new Blob([bytes]).stream(),
  });
}

function readBody(context: RequestContext): string | null {
  const body = context.getBody();
  if (body === undefined) return null;
  if (typeof body !== 'string') throw new TypeError('Kubernetes calls have JSON bodies: a form cannot be sent.');
  return body;
}

/** undici's names of headers are lower-case, which is what the generated clients look up. */
function buildHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}

/**
 * The HTTP library of @kubernetes/client-node over one keep-alive dispatcher; the client's own opens a new connection
 * for every request. Each request sent is counted for the log line of the unit of work.
 */
export function createHttpLibrary(send: (context: RequestContext) => Promise<ResponseContext>): HttpLibrary {
  return wrapHttpLibrary({ send });
}
