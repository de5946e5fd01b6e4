import { onTestFinished } from 'vitest';
import { Agent, request } from 'undici';
import { startKubernetes } from '../../kubernetes/server.ts';
import type { Kubernetes, KubernetesOptions } from '../../kubernetes/server.ts';

export interface ApiAnswer {
  readonly code: number;
  /** The parsed JSON, or `undefined`. */
  readonly body: unknown;
  readonly text: string;
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<ApiAnswer>;

export interface Api {
  readonly server: Kubernetes;
  readonly call: Call;
}

export const mergePatch = { 'content-type': 'application/merge-patch+json' };

export const configMaps = '/api/v1/namespaces/default/configmaps';
export const jobs = '/apis/batch/v1/namespaces/default/jobs';
export const pods = '/api/v1/namespaces/default/pods';

/** What stands at `metadata.name`, `items.0.metadata.uid`; `undefined` where a step is missing. */
export function at(body: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce(
      (found: unknown, step) => (found !== null && typeof found === 'object' ? Reflect.get(found, step) : undefined),
      body,
    );
}

/** The text at a path; empty when there is none. */
export function textAt(body: unknown, path: string): string {
  const found = at(body, path);
  return typeof found === 'string' ? found : '';
}

/** A client of any server, that lets answers of every status through. */
export function createCaller(server: string): Call {
  const agent = new Agent({ allowH2: false, connect: { rejectUnauthorized: false } });
  onTestFinished(() => agent.close());
  return async (method, path, body, headers = {}) => {
    const text =
      typeof body === 'string' || body instanceof Uint8Array || body === undefined ? body : JSON.stringify(body);
    const response = await request(server + path, {
      method,
      dispatcher: agent,
      headers: { ...(text !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(text !== undefined && { body: text }),
    });
    const answer = await response.body.text();
    return { code: response.statusCode, body: parse(answer), text: answer };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An embedded API that ends with the test. */
export async function startApi(options: KubernetesOptions = {}): Promise<Api> {
  const server = await startKubernetes({ jobBackoffMs: 1, ...options });
  onTestFinished(() => server.close());
  return { server, call: createCaller(server.url) };
}

/** Waits until `probe` gives something; what it gave. Fails after a minute. */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('it did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function configMap(name: string, labels?: Readonly<Record<string, string>>): unknown {
  return {
    metadata: { name, ...(labels !== undefined && { labels }) },
    data: { a: '1' },
  };
}

export function job(name: string, spec: Readonly<Record<string, unknown>> = {}): unknown {
  return {
    metadata: { name },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }, ...spec },
  };
}
