import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';

const DEADLINE_MS = 15_000;
/** The server ends a watch after this time. A watch that is silent for longer has lost its connection. */
const WATCH_SEC = 290;

export interface ApiOptions {
  /** `http://127.0.0.1:8001`, `https://...` */
  readonly server: string;
  readonly token?: string;
  /** PEM; without it, the authorities of the machine. */
  readonly ca?: string;
  /** PEM, for a kubeconfig that authenticates by certificate. */
  readonly cert?: string;
  readonly key?: string;
}

/** A Status of the API server other than success. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }
}

export interface CallOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export interface WatchEvent {
  readonly type: string;
  readonly object: unknown;
}

export interface Api {
  get(path: string, options?: CallOptions): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
  /** JSON merge patch: supported by every API server for every kind. */
  patch(path: string, body: unknown): Promise<unknown>;
  delete(path: string, body: unknown): Promise<unknown>;
  /** Ends when the server ends it or `signal` aborts; throws {@link ApiError} if it is refused. */
  watch(
    path: string,
    options: { readonly resourceVersion: string; readonly signal: AbortSignal },
  ): AsyncGenerator<WatchEvent>;
  close(): Promise<void>;
}

export function isStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof ApiError && statuses.includes(error.status);
}

/** The Status of a refusal, or of a watch's ERROR event. */
export function toApiError(status: number, body: unknown, text: string): ApiError {
  const message = field(body, 'message');
  const code = field(body, 'code');
  const reason = field(body, 'reason');
  return new ApiError(
    typeof code === 'number' ? code : status,
    typeof reason === 'string' ? reason : '',
    typeof message === 'string' ? message : text.slice(0, 500),
  );
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value ? Reflect.get(value, key) : undefined;
}

/** A JSON client for a Kubernetes API server over one keep-alive connection pool. */
export function createApi({ server, token, ca, cert, key }: ApiOptions): Api {
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  // A watch lasts for minutes. On HTTP/2 it would share its connection, and its end, with every other call.
  const dispatcher = new Agent({ connect: tls, allowH2: false });
  const base = server.replace(/\/+$/, '');
  const auth = { accept: 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  function urlOf(path: string, query: Readonly<Record<string, string>> = {}): string {
    const search = new URLSearchParams(query).toString();
    return `${base}${path}${search === '' ? '' : `?${search}`}`;
  }

  async function call(
    method: Dispatcher.HttpMethod,
    path: string,
    contentType: string,
    options: CallOptions,
  ): Promise<unknown> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const sent = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
    const headers = { ...auth, ...(options.body !== undefined && { 'content-type': contentType }) };
    const answer = await request(urlOf(path, options.query), { method, headers, dispatcher, signal, ...sent });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw toApiError(answer.statusCode, parseJson(text), text);
    return parseJson(text);
  }

  async function* watch(
    path: string,
    { resourceVersion, signal }: { resourceVersion: string; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent> {
    const query = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(WATCH_SEC), resourceVersion };
    const bodyTimeout = (WATCH_SEC + 30) * 1000;
    const answer = await request(urlOf(path, query), { headers: auth, dispatcher, signal, bodyTimeout });
    if (answer.statusCode >= 300) {
      const text = await answer.body.text();
      throw toApiError(answer.statusCode, parseJson(text), text);
    }
    for await (const line of linesOf(answer.body)) {
      const event = parseJson(line);
      const type = field(event, 'type');
      if (typeof type === 'string') yield { type, object: field(event, 'object') };
    }
  }

  return {
    get: (path, options = {}) => call('GET', path, '', options),
    post: (path, body) => call('POST', path, 'application/json', { body }),
    patch: (path, body) => call('PATCH', path, 'application/merge-patch+json', { body }),
    delete: (path, body) => call('DELETE', path, 'application/json', { body }),
    watch,
    close: () => dispatcher.destroy(),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Splits a stream of bytes into lines; an unterminated last line is dropped. */
async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      const line = rest.toString('utf8', 0, end).trim();
      rest = rest.subarray(end + 1);
      if (line !== '') yield line;
    }
  }
}
