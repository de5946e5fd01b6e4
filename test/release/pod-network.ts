import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { PORTS_ANNOTATION } from '../../infra/local/kubelet/pod-progress.ts';
import { isPod } from '../../infra/local/kubelet/types.ts';
import type { Pod } from '../../infra/local/kubelet/types.ts';
import type { RawApi } from '../contracts/raw-api.ts';
import { itemsOf } from './api-world.ts';

/**
 * Addresses for the pods of a process kubelet, and the way of an API server to them: its egress goes through a proxy,
 * as on a cluster whose control plane is not in the network of its pods.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/
 */
export interface PodNetwork {
  /** Flags of the kube-apiserver. */
  readonly flags: readonly string[];
  /** The address of a pod, by its uid: private, and nobody's. */
  readonly podIP: (uid: string) => string;
  /** Whose pods are looked for. To be called before the first connection. */
  serve(api: () => RawApi): void;
}

const LOOPBACK = '127.0.0.1';

/** The process's port on 127.0.0.1 that is the pod's port: the process kubelet notes it at the pod. */
const processPort = (pod: Pod, port: number): number => {
  const noted: unknown = JSON.parse(pod.metadata.annotations?.[PORTS_ANNOTATION] ?? '{}');
  const name = pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ containerPort }) => containerPort === port)?.name;
  const found: unknown = new Map(Object.entries(noted ?? {})).get(name ?? String(port));
  return typeof found === 'number' ? found : port;
};

/** Where a connection to `host:port` goes: a pod's to its process, all others (the kubelet's log server) as asked. */
const findPort = async (api: RawApi, host: string, port: number): Promise<number | null> => {
  if (host === LOOPBACK) return port;
  const { json } = await api.send('GET', '/api/v1/pods');
  const items: readonly unknown[] = itemsOf(json);
  const pods = items.filter(isPod);
  const pod = pods.find(({ status }) => status?.podIP === host);
  return pod === undefined ? null : processPort(pod, port);
};

const lead = (client: Socket, port: number): void => {
  const server = connect(port, LOOPBACK, () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    client.pipe(server).pipe(client);
  });
  server.once('error', () => client.destroy());
  client.once('error', () => server.destroy());
};

/** A network for the pods of a suite on a real API server; to be called where suites are described. */
export const usePodNetwork = (): PodNetwork => {
  const folder = mkdtempSync(join(tmpdir(), 'pod-network-'));
  const [socket, config] = [join(folder, 'proxy.sock'), join(folder, 'egress.json')];
  const connection = { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: socket } } };
  writeFileSync(
    config,
    JSON.stringify({
      apiVersion: 'apiserver.k8s.io/v1beta1',
      kind: 'EgressSelectorConfiguration',
      egressSelections: [{ name: 'cluster', connection }],
    }),
  );
  const addresses = new Map<string, string>();
  let api: (() => RawApi) | undefined;
  const proxy = createServer();
  proxy.on('connect', (request, client) => {
    const { hostname, port } = new URL(`http://${request.url}`);
    const found = api === undefined ? Promise.resolve(null) : findPort(api(), hostname, Number(port || 80));
    found.then(
      (at) => (at === null ? client.end('HTTP/1.1 502 No such pod\r\n\r\n') : lead(client as Socket, at)),
      () => client.end('HTTP/1.1 502 The pods cannot be listed\r\n\r\n'),
    );
  });
  beforeAll(() => new Promise<void>((resolve) => void proxy.listen(socket, resolve)));
  afterAll(() => {
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    flags: [`--egress-selector-config-file=${config}`],
    podIP: (uid) => {
      const next = `10.244.${Math.floor(addresses.size / 250)}.${(addresses.size % 250) + 1}`;
      const address = addresses.get(uid) ?? next;
      addresses.set(uid, address);
      return address;
    },
    serve: (given) => {
      api = given;
    },
  };
};
