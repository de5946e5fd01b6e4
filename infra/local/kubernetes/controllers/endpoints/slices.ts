import type { Fields } from '../../json.ts';
import { stringAt } from '../../json.ts';
import type { KubeObject } from '../../types.ts';
import { buildControllerRef } from '../claims.ts';
import type { EndpointGroup } from './endpoints.ts';

export const serviceLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const headlessLabel = 'service.kubernetes.io/headless';
const controllerName = 'endpointslice-controller.k8s.io';

/** --max-endpoints-per-slice of kube-controller-manager. */
const mostEndpoints = 100;

export function isOurs(slice: KubeObject, service: KubeObject): boolean {
  return (
    slice.metadata.labels?.[managedByLabel] === controllerName &&
    slice.metadata.labels[serviceLabel] === service.metadata.name
  );
}

/** Returns the wanted EndpointSlices of a Service. Without endpoints it has one empty slice. */
export function buildSlices(service: KubeObject, groups: readonly EndpointGroup[]): readonly Fields[] {
  const slices = groups.flatMap(({ ports, endpoints }) => {
    const parts: Fields[] = [];
    for (let at = 0; at < endpoints.length; at += mostEndpoints) {
      parts.push(buildSlice(service, ports, endpoints.slice(at, at + mostEndpoints)));
    }
    return parts;
  });
  return slices.length === 0 ? [buildSlice(service, [], [])] : slices;
}

function buildSlice(service: KubeObject, ports: readonly Fields[], endpoints: readonly Fields[]): Fields {
  return {
    metadata: {
      generateName: `${service.metadata.name}-`,
      labels: labelsOf(service),
      ownerReferences: [buildControllerRef(service)],
    },
    addressType: 'IPv4',
    endpoints,
    ports,
  };
}

function labelsOf(service: KubeObject): Readonly<Record<string, string>> {
  const address = stringAt(service, 'spec', 'clusterIP');
  const reserved = new Set([serviceLabel, managedByLabel, headlessLabel]);
  const own = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !reserved.has(key));
  return {
    ...Object.fromEntries(own),
    ...((address === 'None' || address === '') && { [headlessLabel]: '' }),
    [serviceLabel]: service.metadata.name,
    [managedByLabel]: controllerName,
  };
}
