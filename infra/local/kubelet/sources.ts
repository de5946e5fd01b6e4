import { isStatus } from './api.ts';
import type { Api } from './api.ts';

/** The data of a Secret or ConfigMap, decoded. */
export type Data = ReadonlyMap<string, Buffer>;

export interface Sources {
  /** Returns `null` if none has that name. Throws other failures. */
  secret(namespace: string, name: string): Promise<Data | null>;
  configMap(namespace: string, name: string): Promise<Data | null>;
  /** A token of the TokenRequest API, bound to the pod. */
  serviceAccountToken(namespace: string, account: string, request: object): Promise<string>;
}

/** Reads at each call, so that a new or changed Secret takes effect at the next attempt. */
export function createSources(api: Api): Sources {
  return {
    secret: (namespace, name) =>
      orNull(
        api
          .get(`/api/v1/namespaces/${namespace}/secrets/${name}`)
          .then((object) => new Map(entriesOf(object, 'data', 'base64'))),
      ),
    configMap: (namespace, name) =>
      orNull(
        api
          .get(`/api/v1/namespaces/${namespace}/configmaps/${name}`)
          .then(
            (object) => new Map([...entriesOf(object, 'data', 'utf8'), ...entriesOf(object, 'binaryData', 'base64')]),
          ),
      ),
    serviceAccountToken: async (namespace, account, request) => {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
      const answer = await api.post(path, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: request,
      });
      const status: unknown = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'status') : undefined;
      const token: unknown = typeof status === 'object' && status !== null ? Reflect.get(status, 'token') : undefined;
      if (typeof token !== 'string')
        throw new Error(`the token request for service account "${account}" was answered without a token`);
      return token;
    },
  };
}

async function orNull(work: Promise<Data>): Promise<Data | null> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, 404)) return null;
    throw error;
  }
}

function entriesOf(object: unknown, key: string, encoding: BufferEncoding): [string, Buffer][] {
  const data: unknown = typeof object === 'object' && object !== null ? Reflect.get(object, key) : undefined;
  if (typeof data !== 'object' || data === null) return [];
  return Object.entries(data).map(([name, value]) => [name, Buffer.from(String(value), encoding)]);
}
