import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { UpstreamError } from '../errors.ts';
import type { ClusterEndpoint } from './gke.ts';

/** What is asked of clusters.get: nothing else of the cluster is read, its legacy credentials least of all. */
export const CLUSTER_FIELDS = [
  'endpoint',
  'masterAuth/clusterCaCertificate',
  'privateClusterConfig(privateEndpoint,publicEndpoint)',
  'controlPlaneEndpointsConfig',
].join(',');

/** https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters; `false` and '' are left out there. */
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

/** The parts of a clusters.get answer that say where the control plane is; throws UpstreamError when they are not so. */
export function parseCluster(name: string, answer: unknown): Cluster {
  const parsed = ClusterSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new UpstreamError(
    `The GKE API's answer about cluster ${name} is not as documented: ${z.prettifyError(parsed.error)}`,
  );
}

/** The endpoint of the wanted kind; throws UpstreamError with what to do when the cluster has none. */
export function buildGkeEndpoint(
  name: string,
  endpoint: 'dns' | 'public' | 'private',
  cluster: Cluster,
): ClusterEndpoint {
  return endpoint === 'dns' ? buildDnsEndpoint(name, cluster) : buildIpEndpoint(name, endpoint, cluster);
}

/** No CA: the DNS endpoint has a certificate of a public authority, and the cluster's own CA would refuse it. */
function buildDnsEndpoint(name: string, cluster: Cluster): ClusterEndpoint {
  const dns = cluster.controlPlaneEndpointsConfig?.dnsEndpointConfig;
  if (dns?.endpoint === undefined) {
    throw new UpstreamError(
      `GKE cluster ${name} has no DNS endpoint. Turn it on with: ${buildUpdateCommand(name, '--enable-dns-access')} ; or configure the public or private endpoint.`,
    );
  }
  if (dns.allowExternalTraffic !== true) {
    throw new UpstreamError(
      `The DNS endpoint of GKE cluster ${name} takes no outside traffic (allowExternalTraffic is off). Turn it on with: ${buildUpdateCommand(name, '--enable-dns-access')} ; or configure the public or private endpoint.`,
    );
  }
  return { server: `https://${dns.endpoint}` };
}

/** `gcloud container clusters update` line that mends `name`. */
function buildUpdateCommand(name: string, flag: string): string {
  const [, project, , location, , cluster] = name.split('/');
  return `gcloud container clusters update ${cluster} --project=${project} --location=${location} ${flag}`;
}

function buildIpEndpoint(name: string, endpoint: 'public' | 'private', cluster: Cluster): ClusterEndpoint {
  const address = findAddress(cluster, endpoint);
  if (address === undefined || cluster.controlPlaneEndpointsConfig?.ipEndpointsConfig?.enabled === false) {
    throw new UpstreamError(
      `GKE cluster ${name} has no ${endpoint} IP endpoint. Configure another endpoint (dns, public, private), or turn this one on.`,
    );
  }
  const ca = cluster.masterAuth?.clusterCaCertificate;
  if (ca === undefined) {
    throw new UpstreamError(
      `The GKE API names no CA certificate (masterAuth.clusterCaCertificate) for cluster ${name}.`,
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
