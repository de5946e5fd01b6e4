import { arch, availableParallelism, hostname, platform, release, totalmem } from 'node:os';
import { isStatus } from './api.ts';
import type { Api } from './api.ts';
import type { NodeOffer } from './fit.ts';
import { formatTime } from './types.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const LEASE_SEC = 40;

export interface NodeOptions {
  readonly name: string;
  /** Where the kubelet serves logs. */
  readonly port: number;
  readonly capacity?: { readonly cpu?: string; readonly memory?: string };
  readonly images: readonly string[];
}

export interface NodeRegistration {
  /** Creates the Node or takes it over, and says that it is ready. */
  register(): Promise<void>;
  /** Renews the Lease and, when somebody deleted the Node, registers again. */
  beat(): Promise<void>;
  /** Says that the node is not ready any more. */
  leave(): Promise<void>;
}

/** The node's name, labels and what it offers. `os` is linux on every machine: it is what the pods of the system ask for. */
export function buildOffer({ name, capacity }: Pick<NodeOptions, 'name' | 'capacity'>): NodeOffer {
  return {
    name,
    labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': goArch() },
    allocatable: {
      cpu: capacity?.cpu ?? String(availableParallelism()),
      memory: capacity?.memory ?? `${Math.floor(totalmem() / 1024)}Ki`,
      'ephemeral-storage': '100Gi',
      pods: '110',
    },
  };
}

function goArch(): string {
  return { x64: 'amd64', ia32: '386' }[arch() as string] ?? arch();
}

export function createNodeRegistration(api: Api, options: NodeOptions): NodeRegistration {
  const path = `/api/v1/nodes/${options.name}`;
  const { labels } = buildOffer(options);
  async function register(): Promise<void> {
    try {
      await api.post('/api/v1/nodes', {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: options.name, labels },
        spec: {},
      });
    } catch (error) {
      if (!isStatus(error, 409)) throw error;
      // A node that a controller has tainted while it was away is schedulable again.
      await api.patch(path, { metadata: { labels }, spec: { taints: null, unschedulable: null } });
    }
    await api.patch(`${path}/status`, { status: buildStatus(options, true, Date.now()) });
  }
  async function renew(): Promise<void> {
    try {
      await api.patch(`${LEASES}/${options.name}`, { spec: { renewTime: microTime(Date.now()) } });
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      await createLease(api, options.name, Date.now());
    }
  }
  return {
    register,
    beat: async () => {
      await renew();
      try {
        await api.get(path);
      } catch (error) {
        if (!isStatus(error, 404)) throw error;
        await register();
      }
    },
    leave: async () => {
      await api.patch(`${path}/status`, { status: buildStatus(options, false, Date.now()) });
    },
  };
}

function buildStatus(options: NodeOptions, ready: boolean, nowMs: number) {
  const { allocatable } = buildOffer(options);
  const machine = hostname();
  return {
    capacity: allocatable,
    allocatable,
    conditions: [
      condition(
        'MemoryPressure',
        'False',
        'KubeletHasSufficientMemory',
        'kubelet has sufficient memory available',
        nowMs,
      ),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure', nowMs),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available', nowMs),
      ready
        ? condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status', nowMs)
        : condition('Ready', 'False', 'KubeletNotReady', 'the process kubelet was closed', nowMs),
    ],
    // No Hostname: an API server would prefer it when it fetches logs, and nothing resolves it.
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: options.port } },
    nodeInfo: {
      machineID: machine,
      systemUUID: machine,
      bootID: machine,
      kernelVersion: release(),
      osImage: `${platform()} (local processes)`,
      containerRuntimeVersion: `process://${process.versions.node}`,
      kubeletVersion: `process-kubelet/node-v${process.versions.node}`,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: goArch(),
    },
    images: options.images.map((name) => ({ names: [name], sizeBytes: 0 })),
  };
}

function condition(type: string, status: 'True' | 'False', reason: string, message: string, nowMs: number) {
  return {
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: formatTime(nowMs),
    lastTransitionTime: formatTime(nowMs),
  };
}

function microTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

async function createLease(api: Api, name: string, nowMs: number): Promise<void> {
  const spec = { holderIdentity: name, leaseDurationSeconds: LEASE_SEC, renewTime: microTime(nowMs) };
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease' },
    spec,
  };
  try {
    await api.post(LEASES, lease);
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-node-lease' } };
    await api.post('/api/v1/namespaces', namespace);
    await api.post(LEASES, lease);
  }
}
