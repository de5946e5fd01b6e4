import { subscribe } from 'node:diagnostics_channel';
import { STATUS_CODES, Server } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  AppError,
  ForbiddenError,
  InvalidRequestError,
  MethodNotAllowedError,
  NotFoundError,
  TooLargeError,
} from '../errors.ts';
import type { LogFields } from '../log.ts';
import { withLogFields } from '../log.ts';
import { callerOf } from './caller.ts';
import type { RespondDeps } from './respond.ts';
import { methodNotAllowed } from './routes.ts';
import { pathOf, problemOf, respond } from './respond.ts';

/** Bodies up to this size are read: Cloud Scheduler sends at most 1 MB, Eventarc 512 KB, and a values file has a few kB. */
export const MAX_BODY_BYTES = 1_048_576;

export interface FrontDeps extends RespondDeps {
  readonly projectId?: string | undefined;
}

/** An express application, called with what comes after it. */
type Application = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

const ROBOTS = 'User-agent: *\nDisallow: /\n';
const WELL_KNOWN = /^\/(favicon\.ico|robots\.txt)(\/|$)/i;

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/;
const CLOUD_TRACE = /^([0-9a-f]{32})(?:\/([0-9]+))?/;

/**
 * Puts {@link guardServer} before every express server of this process that listens from now on: functions-framework
 * creates its server after the functions are loaded. https://nodejs.org/api/diagnostics_channel.html#net
 */
export function guardServers(deps: FrontDeps): void {
  subscribe('tracing:net.server.listen:asyncStart', (message) => {
    if (typeof message !== 'object' || message === null || !('server' in message)) return;
    if (message.server instanceof Server) guardServer(message.server, deps);
  });
}

/**
 * Handles a request before functions-framework does. The framework (5.0.5, `server.js`) buffers and parses a body of any
 * size before it calls the function, and express answers what it cannot read as HTML. Here a body is limited while it
 * is received and is handed on as bytes in `req.body`; a request that no function answers gets a problem document;
 * and every log line of the request has its caller and its trace.
 */
export function guardServer(server: Server, deps: FrontDeps): void {
  const application = expressOf(server);
  if (application === undefined) return;
  server.removeAllListeners('request');
  // Without the last two, Node answers by itself: 100 before the body's size is known, or 417 without a body.
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      withLogFields(requestFields(req, deps.projectId), () => void handle(application, deps, req, res));
    });
  }
  server.on('connect', (_req, socket) => answerRaw(socket, new MethodNotAllowedError('CONNECT is not supported.')));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerRaw(socket, faultOfParser(error)));
}

function expressOf(server: Server): Application | undefined {
  return server
    .listeners('request')
    .find((listener): listener is Application & (() => void) => 'handle' in listener && 'settings' in listener);
}

async function handle(
  application: Application,
  deps: FrontDeps,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  function refuse(error: unknown): Promise<void> {
    return respond(deps, req, res, () => Promise.reject(error));
  }
  try {
    const path = requestPath(req);
    if (WELL_KNOWN.test(path)) return await respond(deps, req, res, async () => wellKnown(req, path));
    assertSameSite(req);
    const body = await readBytes(req, res);
    if (body === null) return;
    Object.assign(req, { body });
    application(req, res, (error) => void refuse(unanswered(req, error)));
  } catch (error) {
    await refuse(error);
  }
}

/** The caller, whether it is a dry run, and the trace by which Cloud Logging groups the lines of one request. */
function requestFields(req: IncomingMessage, projectId: string | undefined): LogFields {
  const caller = callerOf(req);
  const trace =
    TRACEPARENT.exec(String(req.headers['traceparent'] ?? ''))?.[1] ??
    CLOUD_TRACE.exec(String(req.headers['x-cloud-trace-context'] ?? ''))?.[1];
  const dryRun = new URLSearchParams(req.url?.split('?', 2)[1]).get('dryRun');
  return {
    ...(caller !== undefined && { caller }),
    ...(dryRun !== null && dryRun !== 'false' && { dryRun: true }),
    ...(trace !== undefined && {
      'logging.googleapis.com/trace': projectId === undefined ? trace : `projects/${projectId}/traces/${trace}`,
    }),
  };
}

/** The path, decodable and beginning with a slash; a URL with a scheme (RFC 9112, absolute-form) is shortened to it. */
function requestPath(req: IncomingMessage): string {
  const { url = '/' } = req;
  if (!url.startsWith('/')) {
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
      throw new NotFoundError(`There is nothing at "${url}": a path begins with "/".`);
    const { pathname, search } = new URL(url);
    req.url = `${pathname}${search}`;
  }
  const path = pathOf(req);
  if (isDecodable(path)) return path;
  throw new InvalidRequestError(`The path ${path} has an escape that is not UTF-8; write "%" as "%25".`);
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** Browsers ask for these of any address. */
function wellKnown(req: IncomingMessage, path: string) {
  if (!/^\/(favicon\.ico|robots\.txt)$/.test(path)) throw new NotFoundError(`There is nothing at ${path}.`);
  if (req.method !== 'GET' && req.method !== 'HEAD')
    throw methodNotAllowed({ method: req.method ?? '', path }, 'GET, HEAD');
  if (path === '/favicon.ico') return { status: 204, body: '' };
  return { status: 200, body: ROBOTS, contentType: 'text/plain; charset=utf-8' };
}

/**
 * Refuses a write that a page of another site makes a browser send. People reach the functions through
 * `gcloud run services proxy`, which adds their token to every request that reaches its port: the token proves nothing
 * about the page. https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site
 */
function assertSameSite({ method, headers }: IncomingMessage): void {
  if (method === 'GET' || method === 'HEAD') return;
  const site = String(headers['sec-fetch-site'] ?? 'none');
  const isForeign = headers.origin !== undefined && hostOf(headers.origin) !== headers.host;
  if (!isForeign && (site === 'none' || site === 'same-origin')) return;
  const by = headers.origin === undefined ? `Sec-Fetch-Site "${site}"` : `Origin "${headers.origin}"`;
  throw new ForbiddenError(
    `A page of another site sent this request (${by.slice(0, 200)}). Writes are accepted from a command line, a pipeline or a service; send them without Origin and Sec-Fetch-Site.`,
  );
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** The body's bytes; `null` where the client went away. Throws TooLargeError before more than the limit is held. */
async function readBytes(req: IncomingMessage, res: ServerResponse): Promise<Buffer | null> {
  // What is left of the body is received and dropped: the client, which may read only after it has sent all, gets the
  // answer, and the connection can be used again.
  if (Number(req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | null>();
  let chunks: Uint8Array[] = [];
  let size = 0;
  req.on('data', (chunk: Uint8Array) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else {
      chunks = [];
      reject(tooLarge());
    }
  });
  req.on('end', () => resolve(Buffer.concat(chunks)));
  req.on('close', () => resolve(null));
  req.on('error', () => resolve(null));
  return promise;
}

/** The refusal of a body above the limit. */
export function tooLarge(): TooLargeError {
  return new TooLargeError(`The body is larger than ${MAX_BODY_BYTES} bytes, the most this service reads.`);
}

/** The error for a request that express did not hand to a function, or failed on before it did. */
function unanswered(req: IncomingMessage, error: unknown): unknown {
  if (error === undefined || error === null) return new NotFoundError(`There is nothing at ${pathOf(req)}.`);
  const status = typeof error === 'object' && 'status' in error ? error.status : undefined;
  if (error instanceof AppError || typeof status !== 'number' || status >= 500) return error;
  return new InvalidRequestError(`The request for ${pathOf(req)} cannot be read.`, [], { cause: error });
}

/** What Node's HTTP parser, which answers without a body, found wrong. */
function faultOfParser({ code }: NodeJS.ErrnoException): AppError {
  if (code === 'HPE_HEADER_OVERFLOW') return new TooLargeError('The headers are larger than 16 KiB.');
  return new InvalidRequestError('The request is not valid HTTP, or was not received in time.');
}

function answerRaw(socket: Duplex, error: AppError): void {
  if (!socket.writable) return void socket.destroy();
  const { status, body } = problemOf(error);
  const text = `${JSON.stringify(body, null, 2)}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}
