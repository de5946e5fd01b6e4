import type { Readable } from 'node:stream';
import { Storage } from '@google-cloud/storage';
import { countUpstreamCall } from '../log.ts';

export interface GcsRequest {
  readonly method: 'GET' | 'POST';
  /** Path and query, percent-encoded: the client's own query encoding replaces `{{projectId}}` in values. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A response of Cloud Storage with any status. */
export interface GcsAnswer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: T;
}

/** A body that is still being received; `cancel` closes its connection. */
export interface MediaBody {
  readonly chunks: Readable;
  readonly cancel: () => void;
}

/** Each method sends one HTTP request, without retries. Rejects if there is no response, or once `signal` aborts. */
export interface GcsTransport {
  json(request: GcsRequest, signal: AbortSignal): Promise<GcsAnswer<unknown>>;
  media(request: GcsRequest, signal: AbortSignal): Promise<GcsAnswer<MediaBody>>;
}

export interface GcsTransportOptions {
  readonly apiEndpoint?: string;
  readonly projectId?: string;
}

/**
 * The transport of @google-cloud/storage: its credentials, headers and keep-alive connections. The client is created at
 * the first request.
 *
 * Its higher-level calls are not used. `File.createReadStream` destroys the connection pool that all calls share when
 * one stream ends early; `File.save` deletes the object when its checksum test fails; `request` treats a downloaded JSON
 * document with a member `error` as an error; none of them accepts `ifGenerationNotMatch` for a download.
 */
export function createGcsTransport({ apiEndpoint, projectId }: GcsTransportOptions): GcsTransport {
  let client: Storage | undefined;
  function storage(): Storage {
    return (client ??= new Storage({
      ...(apiEndpoint !== undefined && { apiEndpoint }),
      ...(projectId !== undefined && { projectId }),
      retryOptions: { autoRetry: false },
    }));
  }
  function optionsOf({ method, path, headers, body }: GcsRequest) {
    return {
      method,
      uri: `${storage().apiEndpoint}${path}`,
      ...(headers !== undefined && { headers: { ...headers } }),
      ...(body !== undefined && { body }),
    };
  }

  return {
    json: (request, signal) =>
      untilAborted<GcsAnswer<unknown>>(
        (resolve, reject) => {
          countUpstreamCall();
          storage().request(optionsOf(request), (error, body: unknown, response) => {
            // For a response that breaks off, or that is not JSON, the callback gets an error, the status, and the rest of
            // the stream as `body` (teeny-request 10, `index.js`), which would pass for a response without fields.
            const isBroken = error !== null && (response?.statusCode ?? 0) < 300;
            if (response === undefined || response === null || isBroken) reject(error);
            else resolve({ status: response.statusCode, headers: response.headers, body });
          });
        },
        signal,
        () => undefined,
      ),
    media: (request, signal) =>
      untilAborted<GcsAnswer<MediaBody>>(
        (resolve, reject) => {
          countUpstreamCall();
          const chunks = storage().requestStream(optionsOf(request));
          // The stream is a duplex: until its unused side ends too, reading never completes.
          chunks.end();
          chunks.on('error', reject);
          chunks.on('response', (response: Readable & { statusCode: number; headers: Record<string, string> }) => {
            function cancel(): void {
              chunks.on('error', () => undefined);
              response.destroy();
              chunks.destroy();
            }
            resolve({ status: response.statusCode, headers: response.headers, body: { chunks, cancel } });
          });
        },
        signal,
        ({ body }) => body.cancel(),
      ),
  };
}

/**
 * Settles like `start`, or rejects once `signal` aborts. The client library cannot cancel a request (its fetch has
 * neither timeout nor signal), so a response that arrives after the abort is passed to `discard`.
 */
function untilAborted<T>(
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  signal: AbortSignal,
  discard: (late: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    function abort(): void {
      return reject(signal.reason);
    }
    function finish(settle: () => void): void {
      signal.removeEventListener('abort', abort);
      settle();
    }
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    return start(
      (value) => (signal.aborted ? discard(value) : finish(() => resolve(value))),
      (error) => finish(() => reject(error)),
    );
  });
}
