import { randomBytes } from 'node:crypto';
import { onTestFinished, vi } from 'vitest';
import { Agent, request } from 'undici';
import { at, textAt } from '../api.ts';
import type { ApiAnswer } from '../api.ts';
import { startActor } from './actor.ts';

/** An API server with its controllers, embedded or real, and no kubelet: the suites play it. */
export interface Target {
  readonly server: string;
  readonly token?: string;
}

export type Json = Readonly<Record<string, unknown>>;

export interface World {
  readonly namespace: string;
  readonly call: (method: string, path: string, body?: unknown, type?: string) => Promise<ApiAnswer>;
  /** In the namespace: `deployments/web`. */
  readonly get: (path: string) => Promise<unknown>;
  readonly list: (plural: string) => Promise<readonly unknown[]>;
  readonly create: (plural: string, object: Json) => Promise<ApiAnswer>;
  readonly patch: (path: string, change: Json) => Promise<ApiAnswer>;
  readonly remove: (path: string, options?: Json) => Promise<ApiAnswer>;
  /** The object at the path once `check` passes. */
  readonly when: (path: string, check: (object: unknown) => void) => Promise<unknown>;
  readonly eventually: <T>(check: () => Promise<T>) => Promise<T>;
  readonly events: (name: string) => Promise<readonly string[]>;
  /** Pods are left alone until it is called again. */
  readonly pausePods: () => () => void;
}

const groups: Readonly<Record<string, string>> = {
  deployments: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
};

export const patience = { timeout: 90_000, interval: 30 };

export function itemsOf(list: unknown): readonly unknown[] {
  const items = at(list, 'items');
  return Array.isArray(items) ? items : [];
}

/** A namespace of the test's own, with a node on which pods come to life by their image's tag; see actor.ts. */
export async function createWorld({ server, token }: Target): Promise<World> {
  const agent = new Agent({ allowH2: false, connect: { rejectUnauthorized: false } });
  const namespace = `workloads-${randomBytes(4).toString('hex')}`;
  const call: World['call'] = async (method, path, body, type = 'application/json') => {
    const response = await request(server + path, {
      method,
      dispatcher: agent,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': type }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    return { code: response.statusCode, text, body: parse(text) };
  };
  await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const actor = await startActor(call, namespace);
  onTestFinished(async () => {
    await actor.close();
    await call('DELETE', `/api/v1/namespaces/${namespace}`);
    await agent.close();
  });
  function pathOf(path: string): string {
    return `${groups[path.split('/')[0] ?? ''] ?? '/api/v1'}/namespaces/${namespace}/${path}`;
  }
  async function get(path: string): Promise<unknown> {
    return (await call('GET', pathOf(path))).body;
  }
  return {
    namespace,
    call,
    get,
    list: async (plural) => itemsOf(await get(plural)),
    create: (plural, object) => call('POST', pathOf(plural), object),
    patch: (path, change) => call('PATCH', pathOf(path), change, 'application/merge-patch+json'),
    remove: (path, options) => call('DELETE', pathOf(path), options),
    when: (path, check) =>
      vi.waitFor(async () => {
        const object = await get(path);
        check(object);
        return object;
      }, patience),
    eventually: (check) => vi.waitFor(check, patience),
    events: async (name) =>
      itemsOf(await get('events'))
        .filter((event) => textAt(event, 'involvedObject.name') === name)
        .map((event) => `${textAt(event, 'type')} ${textAt(event, 'reason')}: ${textAt(event, 'message')}`),
    pausePods: () => actor.pause(),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A Deployment of one container; the tag of its image says what becomes of the pods. */
export function deployment(name: string, tag: string, spec: Json = {}, pod: Json = {}): Json {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name } },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [container(tag)],
          ...pod,
        },
      },
      ...spec,
    },
  };
}

function container(tag: string): Json {
  return {
    name: 'main',
    image: `image:${tag}`,
    ports: [{ name: 'http', containerPort: 8080 }],
  };
}

/** The change of a Deployment's image. */
export function image(tag: string): Json {
  return {
    spec: { template: { spec: { containers: [container(tag)] } } },
  };
}
