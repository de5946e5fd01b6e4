import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { GcsOptions } from '../../gcs/server.ts';
import { startGcs } from '../../gcs/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; `{}` when it is none. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Api {
  readonly url: string;
  send(method: string, path: string, body?: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>;
  /** A media upload; the generation it made. Throws unless it is answered with 200. */
  put(name: string, body: string | Uint8Array): Promise<string>;
  close(): Promise<void>;
}

/** The path of an object of bucket `bkt`. */
export function at(name: string): string {
  return `/storage/v1/b/bkt/o/${encodeURIComponent(name)}`;
}

/** Where a media upload to `name` of bucket `bkt` is posted. */
export function upload(name: string): string {
  return `/upload/storage/v1/b/bkt/o?uploadType=media&name=${encodeURIComponent(name)}`;
}

/** Speaks to a server by fetch. */
export function createApi(url: string, close: () => Promise<void>): Api {
  const send: Api['send'] = async (method, path, body, headers = {}) => {
    const init = {
      method,
      headers,
      redirect: 'manual' as const,
      ...(body !== undefined && { body: Buffer.from(body) }),
    };
    const response = await fetch(path.startsWith('http') ? path : url + path, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  };
  return {
    url,
    send,
    async put(name, body) {
      const { status, json, text } = await send('POST', upload(name), body);
      if (status !== 200) throw new Error(`${status} ${text}`);
      return String(json['generation']);
    },
    close,
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A server with the bucket `bkt`, until the test ends. */
export async function startApi(options: GcsOptions = {}): Promise<Api> {
  const server = await startGcs({ buckets: ['bkt'], ...options });
  let closing: Promise<void> | undefined;
  function close(): Promise<void> {
    return (closing ??= server.close());
  }
  onTestFinished(close);
  return createApi(server.url, close);
}

/** An empty folder, removed when the test ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gcs-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
