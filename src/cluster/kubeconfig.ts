import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { UpstreamError } from '../errors.ts';
import type { ClusterEndpoint } from './gke.ts';

const ClusterSchema = z.object({
  server: z.string(),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.string().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.string().optional(),
});
type KubeconfigCluster = z.infer<typeof ClusterSchema>;

const UserSchema = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.string().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.string().optional(),
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
  username: z.string().optional(),
  as: z.string().optional(),
});
type KubeconfigUser = z.infer<typeof UserSchema>;

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
const KubeconfigSchema = z.object({
  'current-context': z.string().optional(),
  clusters: z.array(z.object({ name: z.string(), cluster: ClusterSchema })),
  users: z.array(z.object({ name: z.string(), user: UserSchema })).nullish(),
  contexts: z.array(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().optional() }) }),
  ),
});

/** A cluster and a user of a kubeconfig, with the files that it names read. */
export interface LoadedKubeconfig {
  readonly endpoint: ClusterEndpoint;
  /** A token file is read each time: what rotates it does so on disk. */
  token(): Promise<string | undefined>;
}

const UNSUPPORTED: Readonly<Record<string, string>> = {
  exec: 'an exec plugin (such as gke-gcloud-auth-plugin). Name the GKE cluster in the configuration instead, or use a kubeconfig with a token or a client certificate.',
  'auth-provider': 'an auth-provider plugin. Use a kubeconfig with a token or a client certificate.',
  username: 'a user name and password, which Kubernetes no longer takes. Use a token or a client certificate.',
  as: 'impersonation (`as`). Use a token or a client certificate of that very user.',
};

/** Reads a kubeconfig and picks `contextName`, or its current context. Throws UpstreamError with what is wrong. */
export async function readKubeconfig(path: string, contextName?: string): Promise<LoadedKubeconfig> {
  const parsed = KubeconfigSchema.safeParse(parseYaml(path, await readText(path)));
  if (!parsed.success) throw refuse(path, `is not as it should be: ${z.prettifyError(parsed.error)}`);
  const config = parsed.data;
  const wanted = contextName ?? config['current-context'];
  if (wanted === undefined || wanted === '') throw refuse(path, 'has no current-context: name a context.');
  const { context } = find(path, 'context', config.contexts, wanted);
  const { cluster } = find(path, 'cluster', config.clusters, context.cluster);
  const hasUser = context.user !== undefined && context.user !== '';
  const user = hasUser ? find(path, 'user', config.users ?? [], context.user ?? '').user : {};
  checkCluster(path, context.cluster, cluster);
  checkUser(path, context.user ?? '', user);
  const folder = dirname(resolve(path));
  const endpoint = await buildEndpoint(folder, cluster, user);
  const { tokenFile } = user;
  return {
    endpoint,
    token: async () => (tokenFile === undefined ? user.token : (await readText(resolve(folder, tokenFile))).trim()),
  };
}

/** YAML errors quote the line they are about, which may be a token: only the position is told. */
function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const position = error instanceof Error && 'linePos' in error ? JSON.stringify(error.linePos) : 'unknown place';
    throw refuse(path, `is not valid YAML (${position}).`);
  }
}

function refuse(path: string, why: string): UpstreamError {
  return new UpstreamError(`The kubeconfig ${path} ${why}`);
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw refuse(path, `could not be read (${code}).`);
  });
}

function find<T extends { readonly name: string }>(path: string, kind: string, list: readonly T[], name: string): T {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  const there = list.map((each) => each.name).join(', ');
  throw refuse(path, `has no ${kind} "${name}"; it has: ${there === '' ? 'none' : there}.`);
}

function checkCluster(path: string, name: string, cluster: KubeconfigCluster): void {
  if (cluster['proxy-url'] !== undefined)
    throw refuse(path, `reaches cluster "${name}" by a proxy-url, which is not supported.`);
  if (!/^https?:\/\//.test(cluster.server) || !URL.canParse(cluster.server)) {
    throw refuse(
      path,
      `has "${cluster.server}" as the server of cluster "${name}": a URL with https:// or http:// is needed.`,
    );
  }
}

function checkUser(path: string, name: string, user: KubeconfigUser): void {
  for (const [key, what] of Object.entries(UNSUPPORTED)) {
    if (key in user) throw refuse(path, `logs user "${name}" in by ${what}`);
  }
}

async function buildEndpoint(
  folder: string,
  cluster: KubeconfigCluster,
  user: KubeconfigUser,
): Promise<ClusterEndpoint> {
  const caPem = await readPem(folder, cluster['certificate-authority-data'], cluster['certificate-authority']);
  const clientCertPem = await readPem(folder, user['client-certificate-data'], user['client-certificate']);
  const clientKeyPem = await readPem(folder, user['client-key-data'], user['client-key']);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    ...(caPem !== undefined && { caPem }),
    ...(clientCertPem !== undefined && { clientCertPem }),
    ...(clientKeyPem !== undefined && { clientKeyPem }),
    ...(cluster['tls-server-name'] !== undefined && { tlsServerName: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] === true && { skipTlsVerify: true }),
  };
}

/** The text of `data` (base64) or of `file` (relative to the kubeconfig), or `undefined`. */
async function readPem(
  folder: string,
  data: string | undefined,
  file: string | undefined,
): Promise<string | undefined> {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  return file === undefined || file === '' ? undefined : readText(resolve(folder, file));
}
