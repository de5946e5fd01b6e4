import { accessSync, constants, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { dirname } from 'node:path';
import type { Cluster, User } from '@kubernetes/client-node';
import { KubeConfig, makeAbsolutePath } from '@kubernetes/client-node/dist/config.js';
import { parse } from 'yaml';
import { AppError, UnavailableError, UpstreamError } from '../errors.ts';
import { coalesce } from '../upstream/memoise.ts';
import type { ClusterAccess, ClusterEndpoint } from './connection.ts';

/** The user of a context that names none: client-node applies the settings of a cluster only if there is a user. */
const ANONYMOUS = 'system:anonymous';

interface Credentials {
  readonly endpoint: ClusterEndpoint;
  readonly token: string | undefined;
}

/**
 * Access to the cluster of a kubeconfig, read by client-node's KubeConfig. Throws UpstreamError at once if the file, the
 * context or a file that it names cannot be used. An exec plugin runs at the first request, and again when its
 * credential expires or the API server rejects it; a token file is read again every minute and after a 401.
 */
export function createKubeconfigAccess(path: string, context: string | undefined): ClusterAccess {
  let open: (() => Promise<Credentials>) | undefined = openKubeconfig(path, context);
  async function credentials(): Promise<Credentials> {
    open ??= openKubeconfig(path, context);
    return open();
  }
  function reload(): void {
    open = undefined;
  }
  const refresh = coalesce(() => {
    reload();
    return credentials();
  });
  return {
    endpoint: async () => (await credentials()).endpoint,
    token: async (options) => (await (options?.forceRefresh === true ? refresh() : credentials())).token,
    describe: () => `the cluster of kubeconfig ${path}${context === undefined ? '' : `, context ${context}`}`,
    invalidate: reload,
  };
}

/** Concurrent requests share one run of an exec plugin. */
function openKubeconfig(path: string, context: string | undefined): () => Promise<Credentials> {
  const config = loadKubeconfig(path, context);
  return coalesce(() => readCredentials(path, config));
}

function loadKubeconfig(path: string, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
    if (context !== undefined) config.setCurrentContext(context);
    addTokenFiles(config, path);
  } catch (error) {
    throw refuse(path, explainLoadError(error));
  }
  const selected = selectContext(path, config);
  checkCluster(path, selected.cluster);
  checkUser(path, selected.user);
  checkFiles(path, selected);
  return config;
}

/** client-node reads `token-file`, which no other tool writes, and not `tokenFile`, which has precedence over `token`. */
function addTokenFiles(config: KubeConfig, path: string): void {
  const document: { users?: { name: string; user?: { tokenFile?: string } }[] | null } = parse(
    readFileSync(path, 'utf8'),
  );
  const files = new Map((document.users ?? []).map(({ name, user }) => [name, user?.tokenFile]));
  config.users = config.users.map((user) => {
    const file = files.get(user.name);
    if (file === undefined || file === '') return user;
    const { token: _token, ...rest } = user;
    const tokenFile = makeAbsolutePath(dirname(path), file);
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
  });
}

/** A parser's message quotes the file, which may contain a token: only positions and field names are repeated. */
function explainLoadError(error: unknown): string {
  if (!(error instanceof Error)) return 'could not be read.';
  if ('code' in error) return `could not be read (${String(error.code)}).`;
  if (error.name === 'YAMLException') {
    const line = /\((\d+):\d+\)/.exec(error.message)?.[1];
    return `is not valid YAML${line === undefined ? '' : ` (line ${line})`}.`;
  }
  return /^(clusters|contexts|users)\[\d+\]\.[a-z.]+ is missing$/.test(error.message)
    ? `is not valid: ${error.message}.`
    : 'is not a kubeconfig.';
}

function selectContext(path: string, config: KubeConfig): { readonly cluster: Cluster; readonly user: User } {
  // The type does not say that a kubeconfig may have no current context.
  const name: string | undefined = config.getCurrentContext();
  if (name === undefined || name === '') throw refuse(path, 'has no current-context: set one, or configure a context.');
  const context = find(path, 'context', config.contexts, name);
  const cluster = allowHttp(find(path, 'cluster', config.clusters, context.cluster));
  const user = hasUser(context) ? find(path, 'user', config.users, context.user) : { name: ANONYMOUS };
  config.loadFromClusterAndUser(cluster, user);
  return { cluster, user };
}

/** The type does not say that a context may have no user. */
function hasUser({ user }: { readonly user: string | undefined }): boolean {
  return user !== undefined && user !== '';
}

/** client-node refuses plain http, which local clusters use and kubectl accepts, unless TLS verification is off. */
function allowHttp(cluster: Cluster): Cluster {
  return cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster;
}

function find<T extends { readonly name: string }>(path: string, kind: string, list: readonly T[], name: string): T {
  const found = list.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = list.map((each) => each.name).join(', ');
  throw refuse(path, `has no ${kind} "${name}"; it has: ${names === '' ? 'none' : names}.`);
}

function checkCluster(path: string, { name, server, proxyUrl }: Cluster): void {
  if (proxyUrl !== undefined) {
    throw refuse(path, `sets proxy-url for cluster "${name}", which is not supported. Remove it.`);
  }
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw refuse(path, `has the server "${server}" for cluster "${name}": it must begin with https:// or http://.`);
  }
}

function checkUser(path: string, { name, username, impersonateUser }: User): void {
  if (username !== undefined && username !== null) {
    throw refuse(
      path,
      `has a user name and password for user "${name}", which Kubernetes no longer accepts. Use a token, a client certificate or an exec plugin.`,
    );
  }
  // client-node sends the user, but not the groups and the extra fields of an impersonation.
  if (impersonateUser !== undefined && impersonateUser !== null) {
    throw refuse(
      path,
      `uses impersonation (\`as\`) for user "${name}", which is not supported. Use the credentials of that user.`,
    );
  }
}

function checkFiles(path: string, { cluster, user }: { readonly cluster: Cluster; readonly user: User }): void {
  const tokenFile: unknown = user.authProvider?.config?.tokenFile;
  for (const file of [cluster.caFile, user.certFile, user.keyFile, tokenFile]) {
    if (typeof file !== 'string') continue;
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'no access';
      throw refuse(path, `names the file ${file}, which could not be read (${code}).`);
    }
  }
}

function refuse(path: string, why: string): UpstreamError {
  return new UpstreamError(`The kubeconfig ${path} ${why}`);
}

/** The settings that client-node makes of the current context; this runs an exec plugin. */
async function readCredentials(path: string, config: KubeConfig): Promise<Credentials> {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new TypeError('A kubeconfig without a current cluster was loaded.');
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error) {
    throw explainCredentialError(path, config.getCurrentUser(), error);
  }
  const [caPem, clientCertPem, clientKeyPem] = [options.ca, options.cert, options.key].map(pemOf);
  return {
    endpoint: {
      server: cluster.server,
      ...(caPem !== undefined && { caPem }),
      ...(clientCertPem !== undefined && { clientCertPem }),
      ...(clientKeyPem !== undefined && { clientKeyPem }),
      ...(cluster.tlsServerName !== undefined && { tlsServerName: cluster.tlsServerName }),
      ...(cluster.skipTLSVerify && cluster.server.startsWith('https:') && { skipTlsVerify: true }),
    },
    token: tokenOf(options.headers),
  };
}

function explainCredentialError(path: string, user: User | null, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  const command: unknown = user?.exec?.command;
  if (typeof command !== 'string') {
    return refuse(path, `gives no credentials for user "${user?.name ?? ''}" (${code ?? 'unknown error'}).`);
  }
  if (code !== undefined)
    return refuse(path, `names the exec plugin ${command}, which could not be started (${code}).`);
  // A plugin may fail because the network does. Its standard error may be long, and is not expected to hold credentials.
  const reason =
    error instanceof SyntaxError || error instanceof TypeError
      ? 'its output is not an ExecCredential'
      : firstLine(error);
  return new UnavailableError(`The exec plugin ${command} of the kubeconfig ${path} failed: ${reason}`);
}

function firstLine(error: unknown): string {
  const line = error instanceof Error ? (error.message.trim().split('\n')[0] ?? '') : '';
  return line === '' ? 'no error message' : line.slice(0, 300);
}

function pemOf(value: unknown): string | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : undefined;
}

/** Token files often end in a line break, which a header must not contain. */
function tokenOf(headers: RequestOptions['headers']): string | undefined {
  const value = new Map<string, unknown>(Object.entries(headers ?? {})).get('Authorization');
  return typeof value === 'string' ? value.replace(/^Bearer /, '').trim() : undefined;
}
