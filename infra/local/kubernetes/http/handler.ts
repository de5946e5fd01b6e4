import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Cluster } from '../cluster.ts';
import { dispatch } from '../handlers/dispatch.ts';
import { StatusError, unauthorized } from '../status.ts';
import type { Answer } from './answer.ts';
import { readRequest } from './request.ts';
import type { ApiRequest } from './request.ts';
import { answerSystemPath } from './system-paths.ts';

export interface HandlerOptions {
  readonly cluster: Cluster;
  readonly version: string;
  readonly tokens: (() => ReadonlySet<string>) | undefined;
}

type Handler = (message: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Answers every request; what goes wrong is a Status, also where it is our own fault. */
export function createHandler(options: HandlerOptions): Handler {
  return async (message, response) => {
    try {
      const request = await readRequest(message);
      authenticate(request, options);
      await write(answerTo(request, options), request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else await write(failure(error), undefined, response);
    }
  };
}

function authenticate({ headers }: ApiRequest, { tokens }: HandlerOptions): void {
  if (tokens === undefined) return;
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (token === undefined || !tokens().has(token)) throw unauthorized();
}

async function write(answer: Answer, request: ApiRequest | undefined, response: ServerResponse): Promise<void> {
  if (answer.kind === 'stream') {
    await answer.run(response);
    return;
  }
  const text = answer.kind === 'text' ? answer.text : `${JSON.stringify(answer.body)}\n`;
  const type = answer.kind === 'document' ? (answer.contentType ?? 'application/json') : 'text/plain; charset=utf-8';
  for (const warning of answer.kind === 'document' ? (answer.warnings ?? []) : []) {
    response.appendHeader('warning', `299 - ${JSON.stringify(warning)}`);
  }
  response.writeHead(answer.code, {
    'cache-control': 'no-cache, private',
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  });
  response.end(request?.method === 'HEAD' ? '' : text);
}

function answerTo(request: ApiRequest, { cluster, version }: HandlerOptions): Answer {
  return (
    answerSystemPath(request, version) ??
    dispatch(cluster, request) ?? {
      kind: 'text',
      code: 404,
      text: '404 page not found\n',
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    }
  );
}

function failure(error: unknown): Answer {
  const status =
    error instanceof StatusError
      ? error
      : new StatusError(
          500,
          'InternalError',
          `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
          {
            causes: [
              {
                reason: 'InternalError',
                message: error instanceof Error ? (error.stack ?? error.message) : String(error),
              },
            ],
          },
        );
  return { kind: 'document', code: status.code, body: status.toStatus() };
}
