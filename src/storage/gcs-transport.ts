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

/** Whatever Cloud Storage answered, 4xx and 5xx included. */
export interface GcsAnswer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: T;
}

/** A body being received; `cancel` ends it and its connection. */
export interface MediaBody {
  readonly chunks: Readable;
  readonly cancel: () => void;
}

/** Sends one HTTP request each, without retries. Rejects when there is no answer, or when `signal` aborts. */
export interface GcsTransport {
  json(request: GcsRequest, signal: AbortSignal): Promise<GcsAnswer<unknown>>;
  media(request: GcsRequest, signal: AbortSignal): Promise<GcsAnswer<MediaBody>>;
}

export interface GcsTransportOptions {
  readonly apiEndpoint?: string;
  readonly projectId?: string;
}

/**
 * The transport of @google-cloud/storage: its credentials, its headers, its keep-alive connections; the client is made
 * at the first request.
 *
 * Its higher calls are not used. `File.createReadStream` destroys the connection pool all calls share when one stream
 * ends early; `File.save` deletes the object when its own check of the checksum fails; `request` takes a downloaded
 * JSON text with a member `error` for an error; none of them can say `ifGenerationNotMatch` of a download.
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
            // An answer that breaks off, or that is no JSON, comes with an error, with its status, and with the stream
            // of what is left as `body` (teeny-request 10, `index.js`): as an answer it would be one without fields.
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
          // It is a duplex; unless its unused side ends too, reading it to the end waits forever.
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
 * Settles as `start` does, or rejects once `signal` aborts. The client library cannot end a request it has begun
 * (its fetch has neither timeout nor signal), so what arrives after the abort is given to `discard`.
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
