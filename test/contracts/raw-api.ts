import { Agent, request } from 'undici';
import type { ClusterAccess } from '../../src/cluster/connection.ts';

/** Direct requests to a Kubernetes API, for set-up and for checks that bypass the adapter. */
export interface RawApi {
  /** Returns status and JSON; throws for a status of 400 or more, except 404. */
  send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }>;
  close(): Promise<void>;
}

/** A {@link RawApi} with the endpoint and credentials of `access`. PATCH is a merge patch. */
export const createRawApi = async (access: ClusterAccess): Promise<RawApi> => {
  const endpoint = await access.endpoint();
  const agent = new Agent({
    allowH2: false,
    connect: {
      rejectUnauthorized: endpoint.skipTlsVerify !== true,
      ...(endpoint.caPem !== undefined && { ca: endpoint.caPem }),
      ...(endpoint.clientCertPem !== undefined && { cert: endpoint.clientCertPem }),
      ...(endpoint.clientKeyPem !== undefined && { key: endpoint.clientKeyPem }),
    },
  });
  return {
    send: async (method, path, body) => {
      const token = await access.token();
      const response = await request(`${endpoint.server}${path}`, {
        method,
        dispatcher: agent,
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.body.text();
      const { statusCode: status } = response;
      if (status >= 400 && status !== 404) throw new Error(`${method} ${path}: ${status} ${text}`);
      return { status, json: text === '' ? null : JSON.parse(text) };
    },
    close: () => agent.close(),
  };
};
