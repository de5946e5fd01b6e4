import type { ConfigurationOptions, HttpLibrary, ResponseContext } from '@kubernetes/client-node';
import { ApiException, RequestContext } from '@kubernetes/client-node';
import { PLACEHOLDER_SERVER } from './connection.ts';

type Method = ConstructorParameters<typeof RequestContext>[1];

export interface RawRequest {
  readonly method: Method;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The answer to one request as it came, whatever its status. */
export async function sendRaw(options: ConfigurationOptions, request: RawRequest): Promise<ResponseContext> {
  const context = new RequestContext(`${PLACEHOLDER_SERVER}${request.path}`, request.method);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) context.setQueryParam(name, value);
  }
  context.setHeaderParam('Accept', 'application/json, */*;q=0.8');
  if (request.body !== undefined) {
    context.setHeaderParam('Content-Type', request.contentType ?? 'application/json');
    context.setBody(JSON.stringify(request.body));
  }
  return libraryOf(options).send(context).toPromise();
}

function libraryOf(options: ConfigurationOptions): HttpLibrary {
  if (options.httpApi === undefined) throw new TypeError('A raw call is sent by the library of its caller.');
  return options.httpApi;
}

/**
 * The JSON of an answer and its status. The generated client's models drop fields that they do not know and make dates
 * of times; releases compare and store objects as they are. Throws ApiException for a status of 300 and more.
 */
export async function sendJson(
  options: ConfigurationOptions,
  request: RawRequest,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const answer = await sendRaw(options, request);
  const text = await answer.body.text();
  if (answer.httpStatusCode >= 300) throw new ApiException(answer.httpStatusCode, 'refused', text, answer.headers);
  return { status: answer.httpStatusCode, json: JSON.parse(text) };
}
