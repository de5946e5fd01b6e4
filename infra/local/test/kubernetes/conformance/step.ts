/** One request of a scenario, in words that fit any API server. `$NS` stands for the scenario's namespace, `${name}` for what was saved. */
export interface Step {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** A string is sent as it is. */
  readonly body?: unknown;
  /** Content-Type; JSON when absent. */
  readonly type?: string;
  readonly accept?: string;
  /** Remembers values of the answer, by path (`metadata.uid`, `items.0.metadata.name`). */
  readonly save?: Readonly<Record<string, string>>;
  /** Asked again until it holds: controllers take their time. */
  readonly until?: (answer: RawAnswer) => boolean;
  /** Parts of the answer that are not compared: every path that contains one of these. */
  readonly ignore?: readonly string[];
  /** Why the embedded API answers otherwise, and is right or good enough to. Only the status code is compared then. */
  readonly differs?: string;
  /** With `differs`: the status code too. */
  readonly code?: number;
}

export interface RawAnswer {
  readonly code: number;
  readonly warning: string | undefined;
  readonly body: unknown;
}

export interface Scenario {
  readonly name: string;
  readonly steps: readonly Step[];
}

export type Json = Readonly<Record<string, unknown>>;

export const paths = {
  configMaps: '/api/v1/namespaces/$NS/configmaps',
  secrets: '/api/v1/namespaces/$NS/secrets',
  services: '/api/v1/namespaces/$NS/services',
  pods: '/api/v1/namespaces/$NS/pods',
  events: '/api/v1/namespaces/$NS/events',
  jobs: '/apis/batch/v1/namespaces/$NS/jobs',
  leases: '/apis/coordination.k8s.io/v1/namespaces/$NS/leases',
} as const;

type More = Omit<Step, 'method' | 'path' | 'body'>;

export function get(path: string, more: More = {}): Step {
  return { method: 'GET', path, ...more };
}

export function post(path: string, body: unknown, more: More = {}): Step {
  return { method: 'POST', path, body, ...more };
}

export function put(path: string, body: unknown, more: More = {}): Step {
  return { method: 'PUT', path, body, ...more };
}

export function remove(path: string, body?: unknown, more: More = {}): Step {
  return {
    method: 'DELETE',
    path,
    ...(body !== undefined && { body }),
    ...more,
  };
}

export function merge(path: string, body: unknown, more: More = {}): Step {
  return patch('application/merge-patch+json', path, body, more);
}

function patch(type: string, path: string, body: unknown, more: More): Step {
  return {
    method: 'PATCH',
    path,
    body,
    type,
    ...more,
  };
}

export function strategic(path: string, body: unknown, more: More = {}): Step {
  return patch('application/strategic-merge-patch+json', path, body, more);
}

export function jsonPatch(path: string, body: unknown, more: More = {}): Step {
  return patch('application/json-patch+json', path, body, more);
}

export function apply(path: string, body: unknown, more: More = {}): Step {
  return patch('application/apply-patch+yaml', path, body, more);
}

export function configMap(name: string, data: Json = { a: '1' }, metadata: Json = {}): Json {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, ...metadata },
    data,
  };
}

/** A Job of one container; the parts given replace the usual ones. */
export function job(name: string, spec: Json = {}, pod: Json = {}, container: Json = {}): Json {
  const { template = {}, ...rest } = spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name },
    spec: {
      ...rest,
      template: {
        ...(typeof template === 'object' ? template : {}),
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i', ...container }], ...pod },
      },
    },
  };
}
