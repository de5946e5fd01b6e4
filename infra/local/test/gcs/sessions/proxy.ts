import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'undici';

/** One request as it came, and its answer in full. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  readonly status: number;
  readonly answerHeaders: Readonly<Record<string, unknown>>;
  readonly answer: string;
}

export interface Proxy {
  readonly url: string;
  /** Of all requests since the last call, in their order. */
  take(): readonly Seen[];
  close(): Promise<void>;
}

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'transfer-encoding',
  'expect',
  'accept-encoding',
  'keep-alive',
]);

/** Passes requests on to `server` and remembers them; the server gets the client's `Host`, for its links. */
export async function startProxy(server: string): Promise<Proxy> {
  const agent = new Agent({ allowH2: false });
  let seen: Seen[] = [];
  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = incoming;
    const body = Buffer.concat(await Array.fromAsync(incoming));
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).flatMap(([name, value]) =>
        HOP_BY_HOP.has(name) ? [] : [[name, String(value)]],
      ),
    );
    const sendsBody = body.length > 0 || headers['content-length'] !== undefined;
    const response = await request(server + path, { method, headers, dispatcher: agent, ...(sendsBody && { body }) });
    const answer = Buffer.from(await response.body.arrayBuffer());
    seen.push({
      method,
      path,
      headers,
      body: body.toString(),
      status: response.statusCode,
      answerHeaders: response.headers,
      answer: answer.toString(),
    });
    const kept = Object.entries(response.headers).filter(([name]) => !HOP_BY_HOP.has(name));
    outgoing.writeHead(response.statusCode, Object.fromEntries(kept)).end(answer);
  }
  function listener(incoming: IncomingMessage, outgoing: ServerResponse): void {
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  }
  const front = createServer(listener);
  await new Promise<void>((resolve) => void front.listen(0, '127.0.0.1', resolve));
  const address = front.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: async () => {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
      await agent.destroy();
    },
  };
}
