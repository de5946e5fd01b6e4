import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Handler = (request: SeenRequest, response: ServerResponse, count: number) => void | Promise<void>;

export interface ScriptedServer {
  /** With the scheme. */
  readonly url: string;
  readonly host: string;
  readonly requests: readonly SeenRequest[];
  /** TCP connections that were opened. */
  connections(): number;
  close(): Promise<void>;
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** A server on 127.0.0.1 that answers with `handler` and closes when the test ends. With `tls` it serves HTTPS. */
export const startScripted = async (handler: Handler, tls?: ServerOptions): Promise<ScriptedServer> => {
  const requests: SeenRequest[] = [];
  let opened = 0;
  const listener = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = incoming;
    const seen = { method, url, headers, body: await readBody(incoming) };
    requests.push(seen);
    await handler(seen, response, requests.length);
  };
  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => void listener(incoming, response);
  const server: Server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.on(tls === undefined ? 'connection' : 'secureConnection', () => (opened += 1));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  const host = `127.0.0.1:${address.port}`;
  return { url: `${tls === undefined ? 'http' : 'https'}://${host}`, host, requests, connections: () => opened, close };
};

/** Answers JSON. */
export const answerJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

/** Answers with a Kubernetes Status, as the API server does for a request that it refuses. */
export const answerStatus = (
  response: ServerResponse,
  status: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void =>
  answerJson(
    response,
    status,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code: status },
    headers,
  );
