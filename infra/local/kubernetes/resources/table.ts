import { configMaps, secrets, serviceAccounts } from './data-kinds.ts';
import { endpointSlices } from './endpoint-slices.ts';
import { events } from './events.ts';
import { jobs } from './jobs.ts';
import { leases } from './leases.ts';
import { namespaces } from './namespaces.ts';
import { nodes } from './nodes.ts';
import { pods } from './pods.ts';
import type { Resource } from './resource.ts';
import { services } from './services.ts';
import { deployments, replicaSets } from './workloads.ts';

/** All stored kinds. Each kind's own rules are in its own file. */
export const resources: readonly Resource[] = [
  configMaps,
  events,
  namespaces,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
  deployments,
  replicaSets,
  jobs,
  leases,
  endpointSlices,
];

/** By the apiVersion and kind an object or an owner reference carries. */
export function findKind(apiVersion: string, kind: string): Resource | undefined {
  const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return resources.find((each) => each.group === group && each.version === version && each.kind === kind);
}
