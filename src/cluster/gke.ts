import { isIPv6 } from 'node:net';
import * as z from 'zod';
import { UpstreamError } from '../errors.ts';
import { memoise } from '../upstream/memoise.ts';
import type { ClusterAccess, ClusterEndpoint } from './connection.ts';
import type { GoogleIdentity } from './google-identity.ts';

export interface GkeConfig {
  readonly kind: 'gke';
  /** `projects/P/locations/L/clusters/C` */
  readonly cluster: string;
  readonly endpoint: 'dns' | 'public' | 'private';
  /** Default https://container.googleapis.com. */
  readonly gkeApiEndpoint?: string | undefined;
}

/** The fields read from clusters.get. The response also contains legacy credentials, which are not requested. */
const CLUSTER_FIELDS = [
  'endpoint',
  'masterAuth/clusterCaCertificate',
  'privateClusterConfig(privateEndpoint,publicEndpoint)',
  'controlPlaneEndpointsConfig',
].join(',');

/** https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters; `false` and '' are omitted there. */
const ClusterSchema = z.object({
  endpoint: z.string().optional(),
  masterAuth: z.object({ clusterCaCertificate: z.string().optional() }).optional(),
  privateClusterConfig: z
    .object({ privateEndpoint: z.string().optional(), publicEndpoint: z.string().optional() })
    .optional(),
  controlPlaneEndpointsConfig: z
    .object({
      dnsEndpointConfig: z
        .object({ endpoint: z.string().optional(), allowExternalTraffic: z.boolean().optional() })
        .optional(),
      ipEndpointsConfig: z
        .object({
          enabled: z.boolean().optional(),
          enablePublicEndpoint: z.boolean().optional(),
          publicEndpoint: z.string().optional(),
          privateEndpoint: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});
type Cluster = z.infer<typeof ClusterSchema>;

/** Access to a GKE cluster by its name. The GKE API is called at the first use. */
export function createGkeAccess(config: GkeConfig, identity: GoogleIdentity): ClusterAccess {
  const { cluster, endpoint } = config;
  const api = (config.gkeApiEndpoint ?? 'https://container.googleapis.com').replace(/\/+$/, '');
  const found = memoise(async () => {
    const answer = await identity.getJson(`${api}/v1/${cluster}?fields=${CLUSTER_FIELDS}`, {
      what: `find the ${endpoint} endpoint of GKE cluster ${cluster}`,
      permission: 'container.clusters.get',
    });
    const parsed = parseCluster(cluster, answer);
    return endpoint === 'dns' ? buildDnsEndpoint(cluster, parsed) : buildIpEndpoint(cluster, endpoint, parsed);
  });
  return {
    endpoint: found.get,
    token: identity.token,
    describe: () => `GKE cluster ${cluster} (${endpoint === 'dns' ? 'DNS' : endpoint} endpoint)`,
    invalidate: found.drop,
  };
}

/** Throws UpstreamError if the response does not match the documentation. */
function parseCluster(name: string, answer: unknown): Cluster {
  const parsed = ClusterSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new UpstreamError(
    `The GKE API's response for cluster ${name} is not as documented: ${z.prettifyError(parsed.error)}`,
  );
}

/** No CA: the DNS endpoint has a certificate of a public authority, which does not verify against the cluster's CA. */
function buildDnsEndpoint(name: string, cluster: Cluster): ClusterEndpoint {
  const dns = cluster.controlPlaneEndpointsConfig?.dnsEndpointConfig;
  if (dns?.endpoint === undefined) {
    throw new UpstreamError(
      `GKE cluster ${name} has no DNS endpoint. Enable it with: ${buildUpdateCommand(name, '--enable-dns-access')} ; or configure the public or private endpoint.`,
    );
  }
  if (dns.allowExternalTraffic !== true) {
    throw new UpstreamError(
      `The DNS endpoint of GKE cluster ${name} does not accept external traffic (allowExternalTraffic is off). Enable it with: ${buildUpdateCommand(name, '--enable-dns-access')} ; or configure the public or private endpoint.`,
    );
  }
  return { server: `https://${dns.endpoint}` };
}

/** The `gcloud container clusters update` command for the cluster `name`. */
function buildUpdateCommand(name: string, flag: string): string {
  const [, project, , location, , cluster] = name.split('/');
  return `gcloud container clusters update ${cluster} --project=${project} --location=${location} ${flag}`;
}

function buildIpEndpoint(name: string, endpoint: 'public' | 'private', cluster: Cluster): ClusterEndpoint {
  const address = findAddress(cluster, endpoint);
  if (address === undefined || cluster.controlPlaneEndpointsConfig?.ipEndpointsConfig?.enabled === false) {
    throw new UpstreamError(
      `GKE cluster ${name} has no ${endpoint} IP endpoint. Configure another endpoint (dns, public, private), or enable this one.`,
    );
  }
  const ca = cluster.masterAuth?.clusterCaCertificate;
  if (ca === undefined) {
    throw new UpstreamError(
      `The GKE API returned no CA certificate (masterAuth.clusterCaCertificate) for cluster ${name}.`,
    );
  }
  return {
    server: `https://${isIPv6(address) ? `[${address}]` : address}`,
    caPem: Buffer.from(ca, 'base64').toString('utf8'),
  };
}

function findAddress(cluster: Cluster, endpoint: 'public' | 'private'): string | undefined {
  const ip = cluster.controlPlaneEndpointsConfig?.ipEndpointsConfig;
  const legacy = cluster.privateClusterConfig;
  if (endpoint === 'private') return ip?.privateEndpoint ?? legacy?.privateEndpoint;
  if (ip?.enablePublicEndpoint === false) return undefined;
  return ip?.publicEndpoint ?? legacy?.publicEndpoint ?? (ip === undefined ? cluster.endpoint : undefined);
}
