import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { assetsDir } from './assets.ts';
import { createServerProcesses, findFreePort, type ServerProcesses } from './server-processes.ts';

export { assetsDir } from './assets.ts';

export interface RealClusterOptions {
  /** More users, by name; the admin is always there. They may do nothing until a RoleBinding says so. */
  readonly users?: readonly string[];
  /** More flags for kube-apiserver. */
  readonly apiServerFlags?: readonly string[];
}

/** A running etcd, API server and controller manager, on 127.0.0.1. */
export interface RealCluster {
  readonly server: string;
  /** Of a user of system:masters. */
  readonly token: string;
  readonly caPem: string;
  /** Path of a kubeconfig of the admin. */
  readonly kubeconfig: string;
  /** Tokens of `options.users`. */
  readonly users: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const CONTROLLERS = [
  'job-controller',
  'deployment-controller',
  'replicaset-controller',
  'garbage-collector-controller',
  'namespace-controller',
  'ttl-after-finished-controller',
  'endpointslice-controller',
  // kube-apiserver proxies to Services by their Endpoints.
  'endpoints-controller',
];

const newToken = (): string => randomBytes(24).toString('base64url');

/** A kubeconfig with one context, `real`. */
export const buildKubeconfig = (server: string, caPem: string, token: string): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'real',
    clusters: [
      { name: 'real', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
    ],
    users: [{ name: 'real', user: { token } }],
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'real' } }],
  });

/** Polls `probe` until it is true; throws when a server ended by itself, or after a minute. */
const waitUntil = async (what: string, processes: ServerProcesses, probe: () => Promise<boolean>): Promise<void> => {
  const endsAt = Date.now() + READY_WITHIN_MS;
  while (!(await probe().catch(() => false))) {
    processes.check();
    if (Date.now() > endsAt)
      throw new Error(`The real servers were not ready within ${READY_WITHIN_MS / 1_000} s: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

interface Layout {
  readonly folder: string;
  readonly assets: string;
  readonly etcdPort: number;
  readonly peerPort: number;
  readonly apiPort: number;
  readonly managerPort: number;
}

const buildEtcdArgs = ({ folder, etcdPort, peerPort }: Layout): string[] => [
  `--data-dir=${join(folder, 'etcd')}`,
  `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
  `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
  `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
  '--unsafe-no-fsync',
  '--log-level=error',
];

const buildApiServerArgs = ({ folder, etcdPort, apiPort }: Layout, more: readonly string[]): string[] => [
  '--bind-address=127.0.0.1',
  '--advertise-address=127.0.0.1',
  `--secure-port=${apiPort}`,
  `--cert-dir=${join(folder, 'apiserver')}`,
  `--etcd-servers=http://127.0.0.1:${etcdPort}`,
  '--service-cluster-ip-range=10.0.0.0/24',
  '--authorization-mode=RBAC',
  `--token-auth-file=${join(folder, 'tokens.csv')}`,
  `--service-account-issuer=https://127.0.0.1:${apiPort}`,
  `--service-account-key-file=${join(folder, 'sa.pub')}`,
  `--service-account-signing-key-file=${join(folder, 'sa.key')}`,
  '--allow-privileged=true',
  '--disable-admission-plugins=ServiceAccount',
  '--enable-priority-and-fairness=false',
  ...more,
];

const buildManagerArgs = ({ folder, managerPort }: Layout): string[] => [
  `--kubeconfig=${join(folder, 'kubeconfig')}`,
  '--leader-elect=false',
  '--bind-address=127.0.0.1',
  `--secure-port=${managerPort}`,
  `--cert-dir=${join(folder, 'manager')}`,
  `--controllers=${CONTROLLERS.join(',')}`,
  // The default of 20 requests a second makes a test of many Jobs wait for the controller.
  '--kube-api-qps=2000',
  '--kube-api-burst=4000',
];

const writeFiles = (folder: string, token: string, users: Readonly<Record<string, string>>): void => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  writeFileSync(join(folder, 'sa.key'), privateKey, { mode: 0o600 });
  writeFileSync(join(folder, 'sa.pub'), publicKey);
  const lines = Object.entries(users).map(([name, each], index) => `${each},${name},user-${index}`);
  writeFileSync(join(folder, 'tokens.csv'), [`${token},admin,admin,"system:masters"`, ...lines, ''].join('\n'), {
    mode: 0o600,
  });
};

const startServers = async (
  layout: Layout,
  processes: ServerProcesses,
  token: string,
  more: readonly string[],
): Promise<string> => {
  const { folder, assets, apiPort, managerPort } = layout;
  const program = (name: string, args: readonly string[]) =>
    processes.start({ name, command: join(assets, name), args, logFile: join(folder, `${name}.log`) });
  // The certificates are the servers' own, made at their start: here only whether they answer is asked.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const answers = (url: string) => async () => {
    const { statusCode, body } = await request(url, {
      dispatcher: agent,
      headers: { authorization: `Bearer ${token}` },
    });
    await body.dump();
    return statusCode === 200;
  };
  try {
    program('etcd', buildEtcdArgs(layout));
    program('kube-apiserver', buildApiServerArgs(layout, more));
    await waitUntil('kube-apiserver /readyz', processes, answers(`https://127.0.0.1:${apiPort}/readyz`));
    const caPem = readFileSync(join(folder, 'apiserver', 'apiserver.crt'), 'utf8');
    writeFileSync(join(folder, 'kubeconfig'), buildKubeconfig(`https://127.0.0.1:${apiPort}`, caPem, token), {
      mode: 0o600,
    });
    program('kube-controller-manager', buildManagerArgs(layout));
    await waitUntil('kube-controller-manager /healthz', processes, answers(`https://127.0.0.1:${managerPort}/healthz`));
    return caPem;
  } finally {
    await agent.close();
  }
};

const startOnce = async (assets: string, options: RealClusterOptions): Promise<RealCluster> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-real-'));
  const [etcdPort, peerPort, apiPort, managerPort] = await Promise.all([
    findFreePort(),
    findFreePort(),
    findFreePort(),
    findFreePort(),
  ]);
  const layout: Layout = { folder, assets, etcdPort, peerPort, apiPort, managerPort };
  const token = newToken();
  const users = Object.fromEntries((options.users ?? []).map((name) => [name, newToken()]));
  writeFiles(folder, token, users);
  const processes = createServerProcesses(folder);
  const { close } = processes;
  try {
    const caPem = await startServers(layout, processes, token, options.apiServerFlags ?? []);
    return {
      server: `https://127.0.0.1:${apiPort}`,
      token,
      caPem,
      kubeconfig: join(folder, 'kubeconfig'),
      users,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** They take no port 0: one that was free when it was looked for may be another program's when they start. */
const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('address already in use');
const MAX_STARTS = 3;

/**
 * Starts real servers in a temporary folder, on free ports of 127.0.0.1, and returns when they are ready. They end with
 * `close`, or with this process. Throws when there are no assets ({@link assetsDir}) or a server ends by itself.
 */
export const startRealCluster = async (options: RealClusterOptions = {}): Promise<RealCluster> => {
  const assets = assetsDir();
  if (assets === null) throw new Error('There are no real servers on this machine: npm run real:build');
  for (let start = 1; ; start += 1) {
    try {
      return await startOnce(assets, options);
    } catch (error) {
      if (start === MAX_STARTS || !isPortTaken(error)) throw error;
    }
  }
};
