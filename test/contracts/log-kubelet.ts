import { createServer, type Server } from 'node:https';
import { generate } from 'selfsigned';
import type { RawApi } from './raw-api.ts';

const LOG_TIME = '2026-11-22T02:00:00.000000000Z';

/** A Node whose kubelet serves logs only. */
export interface LogKubelet {
  readonly node: string;
  /** Sets the log of `container`, and with `previous` that of the previous container. */
  setLog(namespace: string, pod: string, container: string, text: string, previous?: boolean): void;
  /** `path?query` of each request of the API server. */
  requests(): readonly string[];
  close(): Promise<void>;
}

/** Adds times if wanted, takes the last lines, then cuts after limitBytes, like the kubelet (pkg/kubelet/kuberuntime/logs). */
const cut = (text: string, query: URLSearchParams): string => {
  const plain = text.split(/(?<=\n)/);
  const lines = query.get('timestamps') === 'true' ? plain.map((line) => `${LOG_TIME} ${line}`) : plain;
  const tail = query.get('tailLines');
  const wanted = lines.slice(tail === null ? 0 : -Number(tail)).join('');
  const limit = query.get('limitBytes');
  return limit === null ? wanted : Buffer.from(wanted).subarray(0, Number(limit)).toString();
};

const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};

/** Registers a Node with the API server, which then gets the logs of its pods from here (TLS, 127.0.0.1). */
export const startLogKubelet = async (api: RawApi, node: string): Promise<LogKubelet> => {
  const logs = new Map<string, string>();
  const requests: string[] = [];
  const { private: key, cert } = await generate([{ name: 'commonName', value: '127.0.0.1' }], { keySize: 2048 });
  const server = createServer({ key, cert }, (request, response) => {
    requests.push(request.url ?? '');
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet');
    const text = logs.get(`${pathname}${searchParams.get('previous') === 'true' ? '?previous' : ''}`);
    if (text === undefined) response.writeHead(404).end('not found');
    else response.writeHead(200, { 'content-type': 'text/plain' }).end(cut(text, searchParams));
  });
  const port = await listen(server);
  await api.send('POST', '/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node },
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  });
  return {
    node,
    setLog: (namespace, pod, container, text, previous = false) =>
      void logs.set(`/containerLogs/${namespace}/${pod}/${container}${previous ? '?previous' : ''}`, text),
    requests: () => requests,
    close: async () => {
      await api.send('DELETE', `/api/v1/nodes/${node}`);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
