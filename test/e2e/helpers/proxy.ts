import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as sendRequest } from 'node:http';
import type { RequestOptions } from 'node:http';
import { Agent, request as sendSecurely } from 'node:https';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { closeServer, listenOnLoopback } from '../../../infra/local/loopback.ts';

/** One request on its way to the server. */
export interface Passing {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
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
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** It is carried out; `afterwards` is waited for before the connection is reset. */
  | { readonly afterwards: () => Promise<void> };

/** Asked once per request; a promise holds the request until it is settled. */
export type Decide = (passing: Passing) => Fate | Promise<Fate>;

export interface ProxyOptions {
  /** Sent to the server in the place of the client's own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whom to believe that it is the server, for a `target` that starts with https. */
  readonly ca?: string;
  /** Asked first: what it returns becomes of the request, whatever the test decides. */
  readonly always?: (passing: Passing) => Fate | undefined;
}

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

const readBody = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
};

interface Server {
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a server with TLS: a handshake per request would be most of the work. */
  readonly agent: Agent | undefined;
}

// The whole body is at hand, so that a request whose sender has given up is carried out all the same.
const forward = (server: Server, { method, headers, url }: IncomingMessage, body: Buffer): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { 'transfer-encoding': _chunked, ...rest } = headers;
    const length = body.length > 0 ? { 'content-length': body.length } : {};
    const options: RequestOptions = {
      ...(method !== undefined && { method }),
      headers: { ...rest, ...length, ...server.headers },
      agent: server.agent ?? false,
    };
    const send = server.agent === undefined ? sendRequest : sendSecurely;
    const outgoing = send(`${server.target}${url}`, options, resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });

const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);

const relay = async (answer: IncomingMessage, response: ServerResponse): Promise<void> => {
  const headers = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
  response.writeHead(answer.statusCode ?? 502, Object.fromEntries(headers));
  await pipeline(answer, response);
};

const consume = async (answer: IncomingMessage): Promise<void> => {
  for await (const _chunk of answer);
};

interface Exchange {
  readonly server: Server;
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
}

const execute = async (fate: Fate, { server, incoming, body, response }: Exchange): Promise<void> => {
  if (fate === 'refuse') {
    incoming.socket.destroy();
    return;
  }
  if (typeof fate === 'object' && 'status' in fate) {
    response.writeHead(fate.status, { 'content-type': 'application/json', ...fate.headers });
    response.end(fate.body ?? JSON.stringify({ error: { code: fate.status, message: 'Injected by the test.' } }));
    return;
  }
  const answer = await forward(server, incoming, body);
  if (fate === 'pass') {
    await relay(answer, response);
    return;
  }
  await consume(answer);
  if (fate === 'withhold-answer') return;
  if (fate !== 'lose-answer') await fate.afterwards();
  incoming.socket.destroy();
};

/** A proxy on 127.0.0.1 before the server at `target()`, through which a test loses, holds or refuses single requests. */
export const startProxy = async (target: string, options: ProxyOptions = {}): Promise<Proxy> => {
  const { headers = {}, ca, always } = options;
  const agent = target.startsWith('https:')
    ? new Agent({ keepAlive: true, ...(ca !== undefined && { ca }) })
    : undefined;
  let decide: Decide = () => 'pass';
  let isDown = false;
  let count = 0;
  const sockets = new Set<Socket>();
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    count += 1;
    const { method = 'GET', url = '/' } = incoming;
    const body = await readBody(incoming);
    const passing = { method, path: url, body: body.toString(), isWrite: isWrite(method, url) };
    const fate = always?.(passing) ?? (await decide(passing));
    await execute(fate, { server: { target, headers, agent }, incoming, body, response });
  };
  const listener = createServer((incoming, response) => {
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  // A client's idle connection must not be closed under a request being sent: that fault would be the proxy's own.
  listener.keepAliveTimeout = 620_000;
  listener.on('connection', (socket) => {
    if (isDown) return void socket.destroy();
    sockets.add(socket);
    return void socket.once('close', () => sockets.delete(socket));
  });
  const port = await listenOnLoopback(listener);
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
    close: async () => {
      await closeServer(listener);
      agent?.destroy();
    },
  };
};
