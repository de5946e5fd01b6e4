import type { Request, Response } from 'express';
import { AppError } from '../errors.ts';
import type { Log, LogFields, Severity } from '../log.ts';
import { metered } from '../log.ts';
import { traceFields } from './trace.ts';

/** What a handler answers: a status, a body, and what the log line of the call should hold besides. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a body that is not JSON. */
  readonly contentType?: string;
  readonly log?: LogFields;
}

export interface RespondDeps {
  readonly log: Log;
  readonly projectId?: string | undefined;
}

/** A problem document of RFC 9457. `type` is a URN: the codes are told in README.md, not served. */
export function problemOf(error: unknown): Answer & { readonly body: Record<string, unknown> } {
  if (!(error instanceof AppError)) {
    const title = 'Something went wrong in this service';
    return {
      status: 500,
      body: { type: 'urn:tensorio-trigger:internal', title, status: 500, detail: 'The cause is in the log.' },
    };
  }
  const { status, code, title, message, details, headers } = error;
  return {
    status,
    headers,
    body: { ...details, type: `urn:tensorio-trigger:${code}`, title, status, detail: message },
  };
}

/**
 * Runs `work`, answers its result or the error it threw, and writes one log line for the call. Never rejects.
 * An error that is not an AppError is a bug: the caller gets a bland 500, the log gets the class and the stack.
 */
export async function respond(
  deps: RespondDeps,
  req: Request,
  res: Response,
  work: () => Promise<Answer>,
): Promise<void> {
  const startedAt = performance.now();
  function line(status: number, upstreamCalls: number, fields: LogFields): void {
    return deps.log(severityOf(status), `${req.method} ${req.path} -> ${status}`, {
      ...traceFields(req, deps.projectId),
      method: req.method,
      path: req.path,
      status,
      ...fields,
      durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
      upstreamCalls,
    });
  }
  await metered(async (meter) => {
    try {
      const answer = await work();
      send(res, answer, answer.contentType ?? 'application/json');
      line(answer.status, meter.upstreamCalls, answer.log ?? {});
    } catch (error) {
      const problem = problemOf(error);
      send(res, problem, 'application/problem+json');
      line(problem.status, meter.upstreamCalls, errorFields(error));
    }
  });
}

function severityOf(status: number): Severity {
  if (status >= 500) return 'ERROR';
  return status >= 400 ? 'WARNING' : 'INFO';
}

function send(res: Response, answer: Answer, contentType: string): void {
  if (res.headersSent) return;
  res.status(answer.status).set({ 'Cache-Control': 'no-store', ...answer.headers });
  if (typeof answer.body === 'string') {
    res.type(contentType).send(answer.body);
    return;
  }
  res.type(contentType).send(`${JSON.stringify(answer.body, null, 2)}\n`);
}

// Foreign messages can embed a request's body or headers (ApiException does): only errors of ours are told as they
// are, of any other the class and the stack's frames, which name our code.
function errorFields(error: unknown): LogFields {
  if (error instanceof AppError) return { code: error.code, error: error.message };
  if (!(error instanceof Error)) return { code: 'internal', error: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '));
  return { code: 'internal', error: causesOf(error).slice(0, 1), stack: frames.slice(0, 12).join('\n') };
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (let at = error; at instanceof Error && causes.length < 5; at = at.cause)
    causes.push(`${at.name}: ${at.message}`);
  return causes;
}
