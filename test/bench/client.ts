import { Agent } from 'undici';

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** One keep-alive HTTP client: up to as many connections as there are requests in flight. */
export interface Client {
  send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    url: string,
    body?: string | Uint8Array,
    headers?: Record<string, string>,
  ): Promise<Reply>;
  close(): Promise<void>;
}

export interface ClientOptions {
  readonly caPem?: string;
  readonly token?: string;
}

const JSON_HEADERS = { 'content-type': 'application/json' };

/** A client that leaves every time limit to the section's own. */
export const createClient = ({ caPem, token }: ClientOptions = {}): Client => {
  const agent = new Agent({
    connections: 128,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { ...(caPem !== undefined && { ca: caPem }) },
  });
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    send: async (method, url, body, headers = JSON_HEADERS) => {
      const { origin, pathname, search } = new URL(url);
      const answer = await agent.request({
        origin,
        path: `${pathname}${search}`,
        method,
        headers: { ...headers, ...authorization },
        body: body ?? null,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    },
    close: () => agent.destroy(),
  };
};

/** The answer, if its status is one of `expected`. Throws an Error with the answer's text else. */
export const expectStatus = (reply: Reply, expected: readonly number[], what: string): Reply => {
  if (expected.includes(reply.status)) return reply;
  throw new Error(`${what} was answered ${reply.status}: ${reply.text.slice(0, 500)}`);
};

export interface Timed {
  /** Of all of it. */
  readonly seconds: number;
  /** Of each one, in the order of their ends. */
  readonly eachMs: readonly number[];
}

export interface Load {
  readonly inFlight: number;
  /** At most so many. */
  readonly times: number;
  /** None is begun after so many milliseconds: the machine may be slow, or busy. */
  readonly withinMs?: number;
}

/** Does `work` again and again, `inFlight` side by side. The first error ends it. */
export const runInFlight = async (
  { inFlight, times, withinMs = Number.POSITIVE_INFINITY }: Load,
  work: (index: number) => Promise<unknown>,
): Promise<Timed> => {
  const eachMs: number[] = [];
  let next = 0;
  const begin = performance.now();
  const worker = async (): Promise<void> => {
    for (let index = next++; index < times && performance.now() - begin < withinMs; index = next++) {
      const startedAt = performance.now();
      await work(index);
      eachMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, times) }, worker));
  return { seconds: (performance.now() - begin) / 1000, eachMs };
};
