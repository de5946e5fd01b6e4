import { createServer } from 'node:http2';
import type { Http2Server } from 'node:http2';
import type { Service } from './settings.ts';

/** https://grpc.io/docs/guides/status-codes/ */
const UNIMPLEMENTED = '12';

/** The gRPC side of a service: every call is answered UNIMPLEMENTED. */
export function createGrpc({ name }: Service): Http2Server {
  const server = createServer();
  server.on('stream', (stream, headers) => {
    const method = encodeURI(String(headers[':path'] ?? ''));
    stream.on('error', () => stream.destroy());
    // A response without a body has its trailers in the headers.
    stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': UNIMPLEMENTED,
        'grpc-message': `${name}: ${method} is not there: this is a stand-in`,
      },
      { endStream: true },
    );
  });
  return server;
}
