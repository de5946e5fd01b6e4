import { ensureFields, fieldsAt, listAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { notImplemented } from '../status.ts';
import type { Draft, KubeObject } from '../types.ts';
import type { ClusterView } from './resource.ts';

/** The range of cluster addresses, 10.0.0.0/24; .1 is the API server's own Service. */
const addressPrefix = '10.0.0.';
const nodePorts = { first: 30_000, last: 32_767 };

/** Gives the Service what it lacks: a cluster address, IP families, node ports. */
export const allocateAddress = (draft: Draft, cluster: ClusterView): void => {
  const spec = ensureFields(draft, 'spec');
  if (spec['type'] === 'ExternalName') return;
  if (spec['type'] === 'LoadBalancer') throw notImplemented('Services of type LoadBalancer');
  const address = stringAt(spec, 'clusterIP') || stringAt(listAt(spec, 'clusterIPs').map((ip) => ({ ip }))[0], 'ip');
  spec['clusterIP'] = address === '' ? freeAddress(cluster) : address;
  spec['clusterIPs'] = [spec['clusterIP']];
  spec['ipFamilies'] ??= ['IPv4'];
  spec['ipFamilyPolicy'] ??= 'SingleStack';
  if (spec['type'] === 'NodePort') allocateNodePorts(spec, cluster);
};

/** An update that does not speak of the address keeps it. */
export const keepAddress = (draft: Draft, old: KubeObject): void => {
  const spec = ensureFields(draft, 'spec');
  const before = fieldsAt(old, 'spec');
  if (spec['type'] === 'ExternalName') return;
  for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) spec[field] ??= before[field];
  if (spec['type'] !== 'NodePort') return;
  for (const port of objectsAt(spec, 'ports')) {
    const same = objectsAt(before, 'ports').find(
      (each) => each['port'] === port['port'] && each['protocol'] === port['protocol'],
    );
    port['nodePort'] ??= same?.['nodePort'];
  }
};

const freeAddress = (cluster: ClusterView): string => {
  const taken = new Set([...cluster.all('services').values()].map((service) => stringAt(service, 'spec', 'clusterIP')));
  for (let host = 2; host < 255; host += 1) {
    if (!taken.has(`${addressPrefix}${host}`)) return `${addressPrefix}${host}`;
  }
  throw notImplemented('more than 253 Services with an address of their own');
};

const allocateNodePorts = (spec: Fields, cluster: ClusterView): void => {
  const services = [...cluster.all('services').values()];
  const taken = new Set(
    services.flatMap((service) => objectsAt(service, 'spec', 'ports').map((port) => port['nodePort'])),
  );
  let next = nodePorts.first;
  for (const port of objectsAt(spec, 'ports')) {
    if (port['nodePort'] !== undefined) continue;
    while (taken.has(next)) next += 1;
    if (next > nodePorts.last) throw notImplemented('more node ports');
    port['nodePort'] = next;
    taken.add(next);
  }
};
