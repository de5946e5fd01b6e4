import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Service } from './settings.ts';

/** The REST side of a service: its health check, and 501 for every other call. */
export function createRest({ name, healthPath }: Service): Server {
  return createServer((request, response) => {
    const [path] = (request.url ?? '').split('?');
    const isHealth = path === healthPath && (request.method === 'GET' || request.method === 'HEAD');
    const message = `${name}: ${request.method} ${path} is not there: this is a stand-in that only says it is healthy`;
    const body = JSON.stringify(isHealth ? { status: 'SERVING' } : { code: 12, error: message, message });
    response.writeHead(isHealth ? 200 : 501, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
}
