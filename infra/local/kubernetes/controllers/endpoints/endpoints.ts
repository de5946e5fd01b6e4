import { fieldsAt, listAt, numberAt, objectsAt, stringAt, stringsAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import type { KubeObject } from '../../types.ts';
import { hasEnded, isReady } from '../pod-state.ts';

/** The endpoints of one Service that have the same ports: one EndpointSlice, or several when there are many. */
export interface EndpointGroup {
  readonly ports: readonly Fields[];
  readonly endpoints: readonly Fields[];
}

/** The pods of a Service's selector as endpoints: podToEndpoint and getEndpointPorts of k8s.io/endpointslice. */
export function buildEndpoints(service: KubeObject, pods: readonly KubeObject[]): readonly EndpointGroup[] {
  const groups = new Map<string, { ports: readonly Fields[]; endpoints: Fields[] }>();
  for (const pod of pods) {
    if (hasEnded(pod) || addressesOf(pod).length === 0) continue;
    const ports = portsOf(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(buildEndpoint(service, pod));
    groups.set(key, group);
  }
  return [...groups.values()];
}

function addressesOf(pod: KubeObject): readonly string[] {
  return objectsAt(pod, 'status', 'podIPs')
    .map((each) => stringAt(each, 'ip'))
    .filter((ip) => ip !== '' && !ip.includes(':'));
}

/** A port that the pod does not name is left out. */
function portsOf(service: KubeObject, pod: KubeObject): readonly Fields[] {
  return objectsAt(service, 'spec', 'ports').flatMap((port) => {
    const number = containerPort(pod, port);
    if (number === undefined) return [];
    const { protocol, appProtocol } = port;
    return [
      { name: stringAt(port, 'name'), port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) },
    ];
  });
}

function containerPort(pod: KubeObject, { targetPort, protocol }: Fields): number | undefined {
  if (typeof targetPort === 'number') return targetPort;
  const named = objectsAt(pod, 'spec', 'containers')
    .flatMap((container) => objectsAt(container, 'ports'))
    .find((port) => port['name'] === targetPort && port['protocol'] === protocol);
  return numberAt(named, 'containerPort');
}

function buildEndpoint(service: KubeObject, pod: KubeObject): Fields {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  const serving = isReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const publishes = fieldsAt(service, 'spec')['publishNotReadyAddresses'] === true;
  const nodeName = stringAt(pod, 'spec', 'nodeName');
  const hostname = stringAt(pod, 'spec', 'hostname');
  const isNamed = hostname !== '' && stringAt(pod, 'spec', 'subdomain') === service.metadata.name;
  return {
    addresses: addressesOf(pod),
    conditions: { ready: publishes || (serving && !terminating), serving, terminating },
    ...(isNamed && { hostname }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName !== '' && { nodeName }),
  };
}

/** Whether the Service has endpoints of its own: one with a selector, that is more than an alias. */
export function hasEndpoints(service: KubeObject): boolean {
  return (
    stringAt(service, 'spec', 'type') !== 'ExternalName' &&
    Object.keys(stringsAt(service, 'spec', 'selector')).length > 0 &&
    listAt(service, 'spec', 'ipFamilies').includes('IPv4')
  );
}
