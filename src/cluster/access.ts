import { UpstreamError } from '../errors.ts';
import type { ClusterAccess, ClusterEndpoint } from './connection.ts';
import { createGkeAccess, type GkeConfig } from './gke.ts';
import { createGoogleIdentity } from './google-identity.ts';
import { createKubeconfigAccess } from './kubeconfig-access.ts';

/** The cluster named by the configuration, and how to reach it. */
export type ClusterConfig =
  | GkeConfig
  | GatewayConfig
  | { readonly kind: 'endpoint'; readonly server: string; readonly caPem?: string | undefined }
  | { readonly kind: 'kubeconfig'; readonly path: string; readonly context?: string | undefined };

interface GatewayConfig {
  readonly kind: 'gateway';
  /** Number of the fleet's host project: the gateway does not accept the project ID. */
  readonly projectNumber: string;
  readonly location: string;
  readonly membership: string;
  /** Default: the regional host of `location`, or the global one. */
  readonly apiEndpoint?: string;
}

/**
 * Access to the configured cluster. Sends nothing until it is used. Throws UpstreamError at once for an address without
 * https:// and for a kubeconfig that cannot be used.
 */
export function createClusterAccess(config: ClusterConfig): ClusterAccess {
  switch (config.kind) {
    case 'gke':
      return createGkeAccess(config, createGoogleIdentity());
    case 'gateway': {
      const what = `fleet membership ${config.membership} in ${config.location} of project ${config.projectNumber} (Connect Gateway)`;
      return createFixedAccess({ server: buildGatewayServer(config) }, what);
    }
    case 'endpoint': {
      const server = requireHttps(config.server, 'the configured endpoint');
      const endpoint = { server, ...(config.caPem !== undefined && { caPem: config.caPem }) };
      return createFixedAccess(endpoint, `the cluster at ${server}`);
    }
    case 'kubeconfig':
      return createKubeconfigAccess(config.path, config.context);
  }
}

function createFixedAccess(endpoint: ClusterEndpoint, what: string): ClusterAccess {
  return {
    endpoint: () => Promise.resolve(endpoint),
    token: createGoogleIdentity().token,
    describe: () => what,
    invalidate: () => undefined,
  };
}

/** https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway: regional memberships have regional hosts. */
function buildGatewayServer({ projectNumber, location, membership, apiEndpoint }: GatewayConfig): string {
  const host = location === 'global' ? 'connectgateway.googleapis.com' : `${location}-connectgateway.googleapis.com`;
  const base = apiEndpoint === undefined ? `https://${host}` : requireHttps(apiEndpoint, 'the gateway');
  return `${base}/v1/projects/${projectNumber}/locations/${location}/gkeMemberships/${membership}`;
}

function requireHttps(server: string, what: string): string {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:') {
    throw new UpstreamError(
      `The cluster's address "${server}" (${what}) must begin with https://. Plain http is allowed in the kubeconfig of a local cluster only.`,
    );
  }
  return server.replace(/\/+$/, '');
}
