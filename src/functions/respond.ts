import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../errors.ts';
import type { Log, LogFields, Severity } from '../log.ts';
import { cutFields, cutText, metered } from '../log.ts';

/** The answer to a call: a status, a body, and further fields for the call's log line. */
export interface Answer {
  readonly status: number;
  /** Text as it is, anything else as JSON. */
  readonly body: unknown;
  /** Instead of the body: chunks that are sent as they come. The signal aborts when the client is gone. */
  readonly stream?: (closed: AbortSignal) => AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string>>;
  /** `application/json` unless set. */
  readonly contentType?: string;
  readonly log?: LogFields;
  /** Sends the answer as a stream of events. Resolves to what the call would answer otherwise; never rejects. */
  readonly events?: (res: ServerResponse) => Promise<Answer>;
  /** Instead of the line's usual severity and message. */
  readonly line?: { readonly severity: Severity; readonly message: string };
}

export interface RespondDeps {
  readonly log: Log;
}

// A problem document repeats parts of the request: a key of 1 MB must not make an answer of 2 MB.
const MAX_PROBLEM_CHARS = 65_536;
const MAX_DETAIL_CHARS = 16_384;

const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

// An error of one of these classes carries no text of a request or an answer in its message.
const BUILT_IN: ReadonlySet<string> = new Set(['TypeError', 'RangeError', 'ReferenceError']);

/**
 * Runs `work`, answers its result or the error it threw, and writes one log line for the call. Never rejects. An error
 * that is not an AppError is a fault of this service: the caller gets status 500 without the message, the log gets the
 * class and the stack. Needs nothing of express: a request may be refused before express sees it.
 */
export async function respond(
  deps: RespondDeps,
  req: IncomingMessage,
  res: ServerResponse,
  work: () => Promise<Answer>,
): Promise<void> {
  const startedAt = performance.now();
  await metered(async (meter) => {
    const first = await answerOf(work);
    const answer = first.events === undefined ? first : await first.events(res);
    const broken = answer.stream === undefined ? send(res, answer) : await sendStream(res, answer, answer.stream);
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    const { status, line = { severity: severityOf(status), message: `${req.method} ${pathOf(req)} -> ${status}` } } =
      answer;
    deps.log(line.severity, line.message, {
      method: req.method,
      path: pathOf(req),
      status,
      durationMs,
      upstreamCalls: meter.upstreamCalls,
      httpRequest: httpRequestOf(req, status, durationMs),
      ...answer.log,
      ...broken,
    });
  });
}

/** The answer of `work`, or the problem document of the error that it threw. */
export async function answerOf(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    return { ...problemOf(error), log: errorFields(error) };
  }
}

/**
 * The problem document (RFC 9457) of an error. `type` is a URN, which is documented and not served. Text that the
 * caller sent is cut.
 */
export function problemOf(error: unknown): Answer & { readonly body: Record<string, unknown> } {
  const contentType = 'application/problem+json; charset=utf-8';
  if (!(error instanceof AppError)) {
    const title = 'Something went wrong in this service';
    const detail = 'The cause is in the log.';
    return { status: 500, contentType, body: { type: 'urn:tensorio-trigger:internal', title, status: 500, detail } };
  }
  const { status, code, title, details, headers } = error;
  const detail = cutText(error.message, MAX_DETAIL_CHARS);
  const type = `urn:tensorio-trigger:${code}`;
  return {
    status,
    headers,
    contentType,
    body: { ...cutFields(details, MAX_PROBLEM_CHARS), type, title, status, detail },
  };
}

/**
 * What the log line of a failed call says about the error. A fault of this service becomes an entry of Cloud Error
 * Reporting: https://cloud.google.com/error-reporting/docs/formatting-error-messages
 */
export function errorFields(error: unknown): LogFields {
  if (error instanceof AppError) return { code: error.code, error: error.message };
  const name = error instanceof Error ? error.name : typeof error;
  const message = error instanceof Error && BUILT_IN.has(name) ? error.message : 'not shown: it may hold foreign data';
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const frames = stack.split('\n').filter((line) => line.trimStart().startsWith('at '));
  return {
    code: 'internal',
    error: `${name}: ${message}`,
    '@type': 'type.googleapis.com/google.devtools.clouderrorreporting.v1beta1.ReportedErrorEvent',
    stack_trace: [`${name}: ${message}`, ...frames.slice(0, 12)].join('\n'),
    serviceContext: {
      service: process.env['K_SERVICE'] ?? 'tensorio-trigger',
      version: process.env['K_REVISION'] ?? 'local',
    },
  };
}

/** The path of a request, without the query. */
export function pathOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string {
  return url.split('?', 1)[0] ?? '/';
}

function send(res: ServerResponse, { status, body, headers, contentType }: Answer): undefined {
  if (res.headersSent || res.destroyed) return;
  const bytes = Buffer.from(typeof body === 'string' ? body : `${JSON.stringify(body, null, 2)}\n`);
  const described =
    status === 204
      ? {}
      : { 'Content-Type': contentType ?? 'application/json; charset=utf-8', 'Content-Length': bytes.length };
  res.writeHead(status, { ...described, ...COMMON_HEADERS, ...headers });
  res.end(status === 204 ? undefined : bytes);
}

/** Resolves when all chunks are sent or the client is gone, to the fields of the log line for an error in between. */
async function sendStream(
  res: ServerResponse,
  { status, headers, contentType }: Answer,
  stream: NonNullable<Answer['stream']>,
): Promise<LogFields | undefined> {
  const closed = new AbortController();
  res.once('close', () => closed.abort());
  res.writeHead(status, { 'Content-Type': contentType ?? 'text/plain; charset=utf-8', ...COMMON_HEADERS, ...headers });
  res.flushHeaders();
  try {
    // An error after the status is sent breaks off the connection: the client must not take half for the whole.
    await pipeline(Readable.from(stream(closed.signal)), res);
    return undefined;
  } catch (error) {
    return closed.signal.aborted && !(error instanceof AppError) ? { closedByClient: true } : errorFields(error);
  }
}

function severityOf(status: number): Severity {
  if (status >= 500) return 'ERROR';
  return status >= 400 ? 'WARNING' : 'INFO';
}

/** https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest; the query may hold values: left out. */
function httpRequestOf(req: IncomingMessage, status: number, durationMs: number): LogFields {
  const userAgent = req.headers['user-agent'];
  return {
    requestMethod: req.method,
    requestUrl: pathOf(req),
    status,
    latency: `${durationMs / 1000}s`,
    protocol: `HTTP/${req.httpVersion}`,
    ...(userAgent !== undefined && { userAgent: cutText(userAgent, 500) }),
  };
}
