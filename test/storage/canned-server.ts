import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { onTestFinished } from 'vitest';

export interface CannedServer {
  readonly url: string;
  /** `METHOD path`, in order of arrival. */
  readonly requests: readonly string[];
  /** Number of connections so far. */
  readonly connections: number;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, index: number) => void;

/** The headers of a download of `text`, as Cloud Storage sends them. */
export const mediaHeaders = (text: string, crc32c: string): Record<string, string> => ({
  'content-type': 'text/plain',
  'content-length': String(Buffer.byteLength(text)),
  'x-goog-generation': '7',
  'x-goog-hash': `crc32c=${crc32c},md5=ignored`,
  'x-goog-stored-content-encoding': 'identity',
  'x-goog-stored-content-length': String(Buffer.byteLength(text)),
});

/** A server on loopback that answers with `handle` until the test ends. */
export const startCannedServer = async (handle: Handler): Promise<CannedServer> => {
  const requests: string[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    handle(request, response, requests.length - 1);
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    get connections() {
      return connections;
    },
  };
};
