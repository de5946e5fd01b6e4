import { readFileSync, writeFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';

/** Address and credentials of an API server. */
export interface Access {
  readonly server: string;
  readonly token?: string;
  readonly ca?: string;
}

/** Writes a kubeconfig for the embedded API server: plain http, no credentials. */
export function writeKubeconfig(path: string, server: string): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'local', cluster: { server } }],
    users: [{ name: 'local', user: { token: 'local' } }],
    contexts: [{ name: 'local', context: { cluster: 'local', user: 'local', namespace: 'default' } }],
    'current-context': 'local',
  };
  // JSON is valid YAML, so kubectl reads it.
  writeFileSync(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

/** The server, token and CA of a kubeconfig's current context. Throws an Error on one without a token. */
export function readAccess(path: string): Access {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const [cluster, user] = [config.getCurrentCluster(), config.getCurrentUser()];
  if (cluster === null) throw new Error(`${path} names no cluster in its current context`);
  if (user?.token === undefined)
    throw new Error(`${path}: the local stack needs a user with a token in the current context`);
  const ca =
    cluster.caData === undefined
      ? cluster.caFile && readFileSync(cluster.caFile, 'utf8')
      : Buffer.from(cluster.caData, 'base64').toString('utf8');
  return { server: cluster.server, token: user.token, ...(ca !== undefined && ca !== '' && { ca }) };
}
