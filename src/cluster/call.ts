import type { ConfigurationOptions, HttpLibrary, ResponseContext } from '@kubernetes/client-node';
import { ApiException } from '@kubernetes/client-node/dist/gen/apis/exception.js';
import { RequestContext, wrapHttpLibrary } from '@kubernetes/client-node/dist/gen/http/http.js';
import { UnavailableError } from '../errors.ts';
import { type Answer, callUpstream } from '../upstream/call.ts';
import { readPages } from '../upstream/pages.ts';
import {
  type Operation,
  describeOperation,
  isForeignNotFound,
  readRefusal,
  type Refusal,
  translateDeadline,
  translateFailure,
  translateRefusal,
} from './api-errors.ts';
import { PLACEHOLDER_SERVER } from './connection.ts';
import type { CallOptions } from './port.ts';

/** One call to the API server. `O` are outcomes that are not errors for the caller. */
export interface Call<T, O> extends Operation {
  readonly options: CallOptions | undefined;
  /** Whether the call may be sent again after a lost response. */
  readonly isIdempotent: boolean;
  readonly send: (options: ConfigurationOptions) => Promise<T>;
  /** The value that a refusal stands for; `undefined` makes it an error. */
  readonly outcome?: (refusal: Refusal) => O | undefined;
  /** Replaces the body that the generated client builds, which lacks the fields that its models do not know. */
  readonly body?: string;
  /** Replaces the generated client's patch type, which is JSON patch. */
  readonly contentType?: string;
  readonly expects?: 'json' | 'text';
}

export type Caller = <T, O = never>(call: Call<T, O>) => Promise<T | O>;

export interface CallerOptions {
  readonly send: (context: RequestContext) => Promise<ResponseContext>;
  /** The cluster, for messages. */
  readonly where: string;
  /** For a whole call, retries included. */
  readonly deadlineMs: number;
  /** Maximum number of requests for one idempotent call. */
  readonly maxRequests: number;
}

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks */
const PAGE_SIZE = 500;

/** Sends calls under one deadline each, and idempotent calls again while their error is temporary. Throws AppError only. */
export function createCaller({ send, where, deadlineMs, maxRequests }: CallerOptions): Caller {
  function buildLibrary(call: Omit<Call<unknown, unknown>, 'send' | 'outcome'>, signal: AbortSignal): HttpLibrary {
    return wrapHttpLibrary({
      send: async (context) => {
        context.setSignal(signal);
        if (call.body !== undefined) context.setBody(call.body);
        if (call.contentType !== undefined) context.setHeaderParam('Content-Type', call.contentType);
        const answer = await send(context);
        checkAnswer(call, answer, where);
        // An empty log has no content type, and the generated client refuses a response without one.
        if (call.expects === 'text') answer.headers['content-type'] = 'text/plain';
        return answer;
      },
    });
  }

  async function sendOnce<T, O>(call: Call<T, O>, signal: AbortSignal): Promise<Answer<T | O>> {
    try {
      return { kind: 'value', value: await call.send({ httpApi: buildLibrary(call, signal) }) };
    } catch (error) {
      const refusal = readRefusal(error);
      if (refusal === null) return { kind: 'failed', error: translateFailure(call, error, where) };
      if (isForeignNotFound(call, refusal)) return { kind: 'failed', error: notKubernetes(call, '404', where) };
      const outcome = call.outcome?.(refusal);
      if (outcome !== undefined) return { kind: 'value', value: outcome };
      const { retryAfterMs } = refusal;
      return { kind: 'failed', error: translateRefusal(call, refusal, where), retryAfterMs };
    }
  }

  return (call) =>
    callUpstream({
      timeoutMs: deadlineMs,
      maxRequests: call.isIdempotent ? maxRequests : 1,
      signal: call.options?.signal,
      send: (signal) => sendOnce(call, signal),
      onDeadline: (elapsedMs) => translateDeadline(call, where, elapsedMs),
    });
}

/** A proxy or a login page may answer 200 with another body, which the generated client would take for an object. */
function checkAnswer(
  call: Operation & Pick<Call<unknown, unknown>, 'expects'>,
  answer: ResponseContext,
  where: string,
): void {
  if (answer.httpStatusCode >= 300 || call.expects === 'text') return;
  const type = answer.headers['content-type'];
  if (type !== undefined && /^application\/json\b/.test(type)) return;
  throw notKubernetes(call, `${answer.httpStatusCode} with ${type ?? 'no content type'} instead of JSON`, where);
}

function notKubernetes(call: Operation, answer: string, where: string): UnavailableError {
  return new UnavailableError(
    `Could not ${describeOperation(call)}: ${where} answered ${answer}, which is not a response of a Kubernetes API. Is that address a Kubernetes API?`,
  );
}

export interface RawRequest {
  readonly method: ConstructorParameters<typeof RequestContext>[1];
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** The response to one request, whatever its status. `options` are those that `Call.send` gets. */
export async function sendRaw(options: ConfigurationOptions, request: RawRequest): Promise<ResponseContext> {
  if (options.httpApi === undefined) throw new TypeError('A raw request needs the HTTP library of its call.');
  const context = new RequestContext(`${PLACEHOLDER_SERVER}${request.path}`, request.method);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) context.setQueryParam(name, value);
  }
  context.setHeaderParam('Accept', 'application/json, */*;q=0.8');
  if (request.body !== undefined) {
    context.setHeaderParam('Content-Type', request.contentType ?? 'application/json');
    context.setBody(JSON.stringify(request.body));
  }
  return options.httpApi.send(context).toPromise();
}

/**
 * The status and the JSON of a response. The generated client's models drop unknown fields and convert times to dates;
 * releases compare and store objects unchanged. Throws ApiException for a status of 300 or more.
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

/** The query parameters of a list call for one page. */
export interface PageRequest {
  readonly limit: number;
  readonly _continue?: string;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly metadata?: { readonly _continue?: string };
}

/** The outcome of a list call whose continue token has expired (410, after some minutes). */
export function pageExpired({ status }: Refusal): 'expired' | undefined {
  return status === 410 ? 'expired' : undefined;
}

/**
 * All items of all pages, which are one consistent snapshot. Each page is a call with its own deadline. If the token
 * expires, the list starts again, once.
 */
export async function listPages<T>(list: (page: PageRequest) => Promise<Page<T> | 'expired'>): Promise<readonly T[]> {
  const items = (await listOnce(list)) ?? (await listOnce(list));
  if (items === null) throw new UnavailableError('The list changed too fast to be read page by page; try again.');
  return items;
}

async function listOnce<T>(list: (page: PageRequest) => Promise<Page<T> | 'expired'>): Promise<readonly T[] | null> {
  const items: T[] = [];
  const pages = readPages(
    (token) => list({ limit: PAGE_SIZE, ...(token !== undefined && { _continue: token }) }),
    (page) => (page === 'expired' ? undefined : page.metadata?._continue),
  );
  for await (const page of pages) {
    if (page === 'expired') return null;
    items.push(...page.items);
  }
  return items;
}
