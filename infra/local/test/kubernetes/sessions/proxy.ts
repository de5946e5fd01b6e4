import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request } from 'undici';
import { parseBody } from './json.ts';
import type { Target } from './target.ts';

/** One request as it came, and its answer in full. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly accept: string;
  readonly type: string;
  readonly body: Buffer;
  readonly status: number;
  readonly answerType: string;
  answer: string;
}

export interface Proxy {
  readonly url: string;
  /** Of all requests since the last call, in their order. */
  take(): readonly Seen[];
  close(): Promise<void>;
}

/** Without the wish for protobuf, which newer kubectls have: they take JSON as well, and JSON can be compared. */
export function asJson(accept: string): string {
  return accept
    .split(',')
    .filter((each) => !each.includes('protobuf'))
    .join(',');
}

/** Passes requests on to `target` as its admin, and remembers them; `onWatch` is called as each watch begins. */
export async function startProxy(target: Target, onWatch: () => void): Promise<Proxy> {
  const agent = new Agent({ allowH2: false, connect: { rejectUnauthorized: false } });
  let seen: Seen[] = [];
  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = incoming;
    const { accept = '', 'content-type': type = '' } = headers;
    const body = await readAll(incoming);
    const abort = new AbortController();
    outgoing.on('close', () => abort.abort());
    const response = await request(target.server + url, {
      method,
      dispatcher: agent,
      signal: abort.signal,
      headers: {
        accept: asJson(accept),
        'user-agent': headers['user-agent'] ?? '',
        ...(type !== '' && { 'content-type': type }),
        ...(target.token !== undefined && { authorization: `Bearer ${target.token}` }),
      },
      ...(body.length > 0 && { body }),
    });
    const answerType = String(response.headers['content-type'] ?? '');
    const entry: Seen = { method, path: url, accept, type, body, status: response.statusCode, answerType, answer: '' };
    seen.push(entry);
    outgoing.writeHead(response.statusCode, response.headers);
    outgoing.flushHeaders();
    if (/[?&]watch=/.test(url)) onWatch();
    for await (const chunk of response.body) {
      entry.answer += String(chunk);
      outgoing.write(chunk);
    }
    outgoing.end();
  }
  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await agent.destroy();
    },
  };
}

async function readAll(incoming: IncomingMessage): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(incoming));
}

/** The last event of a watch, as a value. */
export function lastEventOf({ answer }: Seen): unknown {
  return parseBody(answer.split('\n').findLast((line) => line.trim() !== '') ?? '');
}
