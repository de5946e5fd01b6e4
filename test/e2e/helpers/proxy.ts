import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as sendRequest } from 'node:http';
import type { Socket } from 'node:net';
import { closeServer, listenOnLoopback } from '../../../src/local/loopback.ts';

/** One request on its way to the server. */
export interface Passing {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Changes something there: neither a read nor a dry run. */
  readonly isWrite: boolean;
}

/** What becomes of a request. */
export type Fate =
  | 'pass'
  /** The connection is reset and nothing is carried out. */
  | 'refuse'
  /** It is carried out, then the connection is reset without an answer. */
  | 'lose-answer'
  /** It is carried out, and no answer ever comes. */
  | 'withhold-answer'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** It is carried out; `afterwards` is waited for before the connection is reset. */
  | { readonly afterwards: () => Promise<void> };

/** Asked once per request; a promise holds the request until it is settled. */
export type Decide = (passing: Passing) => Fate | Promise<Fate>;

export interface Proxy {
  readonly url: string;
  /** Requests that reached it. */
  readonly count: () => number;
  /** Replaces what decides; without an argument everything passes. */
  decide(decide?: Decide): void;
  /** As a server that is down: connections are refused. */
  down(): void;
  up(): void;
  close(): Promise<void>;
}

const isWrite = (method: string, path: string): boolean =>
  method !== 'GET' && method !== 'HEAD' && !path.includes('dryRun=All');

const forward = (target: string, incoming: IncomingMessage): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { method, headers, url } = incoming;
    const outgoing = sendRequest(`${target}${url}`, { method, headers, agent: false }, resolve);
    outgoing.once('error', reject);
    incoming.once('error', reject);
    incoming.pipe(outgoing);
  });

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);

const relay = async (answer: IncomingMessage, response: ServerResponse): Promise<void> => {
  const headers = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
  for await (const chunk of answer) {
    if (!response.write(chunk)) await new Promise((resolve) => response.once('drain', resolve));
  }
  response.end();
};

const consume = async (answer: IncomingMessage): Promise<void> => {
  for await (const _chunk of answer);
};

const drain = (incoming: IncomingMessage): void => void incoming.resume();

const execute = async (fate: Fate, target: string, incoming: IncomingMessage, response: ServerResponse) => {
  if (fate === 'refuse') return void incoming.socket.destroy();
  if (typeof fate === 'object' && 'status' in fate) {
    drain(incoming);
    response.writeHead(fate.status, { 'content-type': 'application/json', ...fate.headers });
    return void response.end(JSON.stringify({ error: { code: fate.status, message: 'Injected by the test.' } }));
  }
  const answer = await forward(target, incoming);
  if (fate === 'pass') return relay(answer, response);
  await consume(answer);
  if (fate === 'withhold-answer') return undefined;
  if (fate !== 'lose-answer') await fate.afterwards();
  return void incoming.socket.destroy();
};

/** A proxy on 127.0.0.1 before the server at `target()`, through which a test loses, holds or refuses single requests. */
export const startProxy = async (target: string): Promise<Proxy> => {
  let decide: Decide = () => 'pass';
  let isDown = false;
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    const { method = 'GET', url = '/' } = incoming;
    count += 1;
    void (async () =>
      execute(await decide({ method, path: url, isWrite: isWrite(method, url) }), target, incoming, response))().catch(
      () => incoming.socket.destroy(),
    );
  });
  // A client's idle connection must not be closed under a request being sent: that fault would be the proxy's own.
  server.keepAliveTimeout = 620_000;
  server.on('connection', (socket) => {
    if (isDown) return void socket.destroy();
    sockets.add(socket);
    return void socket.once('close', () => sockets.delete(socket));
  });
  const port = await listenOnLoopback(server);
  return {
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    decide: (next = () => 'pass') => {
      decide = next;
    },
    down: () => {
      isDown = true;
      for (const socket of sockets) socket.destroy();
    },
    up: () => {
      isDown = false;
    },
    close: () => closeServer(server),
  };
};
