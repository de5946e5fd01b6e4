import { request } from 'node:http';
import { createConnection } from 'node:net';
import type { Input } from './inputs.ts';

export interface Answer {
  /** 0 where the connection ended without an answer. */
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly isRaw: boolean;
}

const LIMIT_MS = 30_000;
// A raw request may be incomplete: the server then waits for the rest of it.
const RAW_SILENCE_MS = 300;

/** Sends the request; the answer. Rejects where there is none in 30 s. */
export const send = async (url: string, input: Input): Promise<Answer> =>
  input.raw === undefined ? sendParts(url, input) : sendRaw(url, input.raw);

const sendParts = (url: string, { method, path, headers, body }: Input): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const call = request({ hostname, port, method, path, headers, timeout: LIMIT_MS }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on('data', (chunk: Uint8Array) => void chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
          isRaw: false,
        }),
      );
    });
    call.on('timeout', () => call.destroy(new Error(`no answer in ${LIMIT_MS / 1_000} s`)));
    call.on('error', reject);
    call.end(hasBody ? body : undefined);
  });

const sendRaw = (url: string, bytes: Uint8Array): Promise<Answer> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = createConnection(Number(port), hostname);
    const chunks: Uint8Array[] = [];
    socket.setTimeout(RAW_SILENCE_MS, () => socket.destroy());
    socket.on('data', (chunk) => void chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      const text = Buffer.concat(chunks).toString();
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
      resolve({ status, type: /^content-type: *([^\r\n]*)/im.exec(text)?.[1] ?? '', text, isRaw: true });
    });
    socket.write(bytes);
  });

/** What is wrong with an answer to bad input, or `null`. */
export const problemWith = ({ status, type, text, isRaw }: Answer): string | null => {
  if (status === 0 && isRaw) return null;
  if (status >= 500) return `status ${status}`;
  if (/<html|<!doctype|<pre>/i.test(text)) return 'HTML';
  if (/^\s+at .*[(/].*:\d+:\d+/m.test(text)) return 'a stack';
  if (status >= 400 && text !== '' && !type.startsWith('application/problem+json'))
    return `status ${status} as ${type}`;
  return status === 201 ? 'something was created' : null;
};
