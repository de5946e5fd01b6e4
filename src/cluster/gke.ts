import { UpstreamError } from '../errors.ts';
import { buildGkeEndpoint, CLUSTER_FIELDS, parseCluster } from './gke-endpoint.ts';
import { createGoogleIdentity, type GoogleIdentity } from './google-identity.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { memoise } from './memoise.ts';

/** Where the cluster is, as configuration says it. */
export type ClusterConfig =
  | {
      readonly kind: 'gke';
      /** `projects/P/locations/L/clusters/C` */
      readonly cluster: string;
      readonly endpoint: 'dns' | 'public' | 'private';
      /** Default https://container.googleapis.com. */
      readonly gkeApiEndpoint?: string;
    }
  | {
      readonly kind: 'gateway';
      /** The number of the fleet's host project: the gateway does not take the project's id. */
      readonly projectNumber: string;
      readonly location: string;
      readonly membership: string;
      /** Default: the regional host of `location`, or the global one. */
      readonly apiEndpoint?: string;
    }
  | { readonly kind: 'endpoint'; readonly server: string; readonly caPem?: string }
  | { readonly kind: 'kubeconfig'; readonly path: string; readonly context?: string };

/** How to open a TLS connection to the API server. */
export interface ClusterEndpoint {
  /** Base URL; Connect Gateway's has a path. */
  readonly server: string;
  /** Absent: public certificate authorities. */
  readonly caPem?: string;
  readonly clientCertPem?: string;
  readonly clientKeyPem?: string;
  readonly tlsServerName?: string;
  readonly skipTlsVerify?: boolean;
}

/** Where the cluster is, and who we are there. */
export interface ClusterAccess {
  /** Looked up once per instance; a failure is not kept. Throws AppError. */
  endpoint(): Promise<ClusterEndpoint>;
  /** Asked per request: the auth library caches. `undefined`: the client certificate says who we are. Throws AppError. */
  token(options?: { readonly forceRefresh: boolean }): Promise<string | undefined>;
  /** For messages: which cluster, by which way. */
  describe(): string;
  /** Forgets the endpoint, so that a rotated CA or a moved address is looked up again. */
  invalidate(): void;
}

type GkeConfig = Extract<ClusterConfig, { kind: 'gke' }>;
type GatewayConfig = Extract<ClusterConfig, { kind: 'gateway' }>;

/**
 * Where the configured cluster is and who we are there. Looks nothing up until asked; throws UpstreamError at once for
 * an address that is not https.
 */
export function createClusterAccess(config: ClusterConfig): ClusterAccess {
  switch (config.kind) {
    case 'gke':
      return createGkeAccess(config, createGoogleIdentity());
    case 'gateway': {
      const what = `fleet membership ${config.membership} in ${config.location} of project ${config.projectNumber} (Connect Gateway)`;
      return createFixedAccess({ server: buildGatewayServer(config) }, what, createGoogleIdentity());
    }
    case 'endpoint': {
      const server = requireHttps(config.server, 'the configured endpoint');
      const endpoint = { server, ...(config.caPem !== undefined && { caPem: config.caPem }) };
      return createFixedAccess(endpoint, `the cluster at ${server}`, createGoogleIdentity());
    }
    case 'kubeconfig':
      return createKubeconfigAccess(config.path, config.context);
  }
}

function createGkeAccess(config: GkeConfig, identity: GoogleIdentity): ClusterAccess {
  const api = (config.gkeApiEndpoint ?? 'https://container.googleapis.com').replace(/\/+$/, '');
  const endpoint = memoise(async () => {
    const answer = await identity.getJson(`${api}/v1/${config.cluster}?fields=${CLUSTER_FIELDS}`, {
      what: `find the ${config.endpoint} endpoint of GKE cluster ${config.cluster}`,
      permission: 'container.clusters.get',
    });
    return buildGkeEndpoint(config.cluster, config.endpoint, parseCluster(config.cluster, answer));
  });
  return {
    endpoint: endpoint.get,
    token: identity.token,
    describe: () => `GKE cluster ${config.cluster} (${config.endpoint === 'dns' ? 'DNS' : config.endpoint} endpoint)`,
    invalidate: endpoint.drop,
  };
}

function createFixedAccess(endpoint: ClusterEndpoint, what: string, identity: GoogleIdentity): ClusterAccess {
  return {
    endpoint: () => Promise.resolve(endpoint),
    token: identity.token,
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

function requireHttps(server: string, variable: string): string {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:') {
    throw new UpstreamError(
      `The cluster's address "${server}" (${variable}) must begin with https://. Plain http is for a kubeconfig of a local cluster only.`,
    );
  }
  return server.replace(/\/+$/, '');
}

function createKubeconfigAccess(path: string, context: string | undefined): ClusterAccess {
  const loaded = memoise(() => readKubeconfig(path, context));
  return {
    endpoint: async () => (await loaded.get()).endpoint,
    token: async (options) => {
      if (options?.forceRefresh === true) loaded.drop();
      return (await loaded.get()).token();
    },
    describe: () => `the cluster of kubeconfig ${path}${context === undefined ? '' : `, context ${context}`}`,
    invalidate: loaded.drop,
  };
}
