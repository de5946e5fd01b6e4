import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { generate } from 'selfsigned';
import { closeServer, listenOnLoopback, send, urlOf } from '../loopback.ts';
import { readLog } from './log-read.ts';
import type { LogOptions } from './log-read.ts';
import type { LogLookup } from './pod-logs.ts';
import { messageOf } from './types.ts';

export interface LogServerOptions {
  readonly port?: number;
  /** `'no-pod'` and `'no-container'` when there is none of that name on this node. */
  readonly find: (
    namespace: string,
    pod: string,
    container: string,
    previous: boolean,
  ) => LogLookup | 'no-pod' | 'no-container';
}

const TEXT = 'text/plain; charset=utf-8';

/** Serves container logs over TLS on 127.0.0.1, as a kubelet does, without authentication. */
export async function startLogServer({
  port,
  find,
}: LogServerOptions): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { private: key, cert } = await createCertificate();
  const server = createServer({ key, cert }, (request, response) => {
    handle(find, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, 500, TEXT, messageOf(error));
    });
  });
  return { port: await listenOnLoopback(server, port), close: () => closeServer(server) };
}

/** The certificate is self-signed, as a kubelet's is: API servers do not verify it by default. */
function createCertificate() {
  return generate([{ name: 'commonName', value: 'local' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
}

async function handle(
  find: LogServerOptions['find'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = urlOf(request);
  if (pathname === '/healthz') return send(response, 200, TEXT, 'ok');
  const path = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(pathname)?.slice(1).map(decodeURIComponent);
  if (path === undefined || request.method !== 'GET') {
    return send(response, 501, TEXT, `a node of local processes serves logs only, not ${request.method} ${pathname}\n`);
  }
  try {
    parseLogOptions(searchParams, Date.now());
  } catch (error) {
    return send(response, 400, TEXT, messageOf(error));
  }
  await serveLog(find, path, searchParams, response);
}

/** The query of a log request: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod */
function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const [tailLines, sinceSeconds, limitBytes] = ['tailLines', 'sinceSeconds', 'limitBytes'].map((name) =>
    count(query, name),
  );
  const sinceTime = query.get('sinceTime');
  const sinceMs = sinceTime === null ? sinceSeconds && nowMs - sinceSeconds * 1000 : Date.parse(sinceTime);
  if (Number.isNaN(sinceMs)) throw new RangeError(`sinceTime: Invalid value: "${sinceTime}": must be RFC 3339`);
  return {
    follow: flag(query, 'follow'),
    timestamps: flag(query, 'timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(limitBytes !== undefined && { limitBytes }),
  };
}

/** @throws RangeError when a number is not one */
function count(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d+$/.test(text)) throw new RangeError(`${name}: Invalid value: "${text}": must be a number, not below 0`);
  return Number(text);
}

function flag(query: URLSearchParams, name: string): boolean {
  return ['true', '1', ''].includes(query.get(name) ?? 'false');
}

async function serveLog(
  find: LogServerOptions['find'],
  path: readonly string[],
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const [namespace = '', pod = '', container = ''] = path;
  const found = find(namespace, pod, container, flag(query, 'previous'));
  if (found === 'no-pod') return send(response, 404, TEXT, `pod "${pod}" does not exist\n`);
  if (found === 'no-container')
    return send(response, 404, TEXT, `container "${container}" not found in pod "${pod}"\n`);
  if (found.kind === 'refused') return send(response, 400, TEXT, found.message);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.writeHead(200, { 'Content-Type': TEXT });
  // A follower is to know at once that it is connected, even if nothing is logged for long.
  response.flushHeaders();
  await pipeline(
    Readable.from(readLog(found.path, parseLogOptions(query, Date.now()), found.live, gone.signal)),
    response,
  );
}
