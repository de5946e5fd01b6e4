import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { ensureFields, fieldsAt, listAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { invalid, notImplemented } from '../status.ts';
import { invalidValue } from '../validation/faults.ts';
import type { Draft, KubeObject } from '../types.ts';
import type { ClusterView } from './resource.ts';

/** The range of cluster addresses, 10.0.0.0/24; .1 is the API server's own Service. */
const addressPrefix = '10.0.0.';
const nodePorts = { first: 30_000, last: 32_767 };

const addressFields = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const;

/** Completes the Service with a cluster address, IP families and node ports. Throws 422 for an address it cannot have. */
export function allocateAddress(draft: Draft, cluster: ClusterView): void {
  const spec = ensureFields(draft, 'spec');
  if (spec['type'] === 'ExternalName') return;
  if (spec['type'] === 'LoadBalancer') throw notImplemented('Services of type LoadBalancer');
  const [first] = listAt(spec, 'clusterIPs');
  const asked = stringAt(spec, 'clusterIP') || (typeof first === 'string' ? first : '');
  if (asked !== '') checkAddress(draft, cluster, asked);
  spec['clusterIP'] = asked === '' ? freeAddress(cluster) : asked;
  spec['clusterIPs'] = [spec['clusterIP']];
  // A headless Service without a selector could have endpoints of either family.
  const isOpen = asked === 'None' && Object.keys(fieldsAt(spec, 'selector')).length === 0;
  spec['ipFamilies'] ??= isOpen ? ['IPv4', 'IPv6'] : ['IPv4'];
  spec['ipFamilyPolicy'] ??= isOpen ? 'RequireDualStack' : 'SingleStack';
  if (spec['type'] === 'NodePort') allocateNodePorts(spec, cluster);
}

function checkAddress(draft: Draft, cluster: ClusterView, address: string): void {
  if (address === 'None' || isIP(address) === 0) return;
  function fail(because: string): never {
    const fault = invalidValue('spec.clusterIPs', [address], `failed to allocate IP ${address}: ${because}`);
    throw invalid('Service', '', stringAt(draft.metadata, 'name'), [fault]);
  }
  if (!address.startsWith(addressPrefix)) {
    fail(`the provided IP (${address}) is not in the valid range. The range of valid IPs is 10.0.0.0/24`);
  }
  const holder = [...cluster.all('services').values()].find(
    (service) => stringAt(service, 'spec', 'clusterIP') === address,
  );
  if (holder !== undefined && holder.metadata.uid !== draft.metadata['uid']) fail('provided IP is already allocated');
}

function freeAddress(cluster: ClusterView): string {
  const taken = new Set([...cluster.all('services').values()].map((service) => stringAt(service, 'spec', 'clusterIP')));
  for (let host = 2; host < 255; host += 1) {
    if (!taken.has(`${addressPrefix}${host}`)) return `${addressPrefix}${host}`;
  }
  throw notImplemented('more than 253 Services with an address of their own');
}

function allocateNodePorts(spec: Fields, cluster: ClusterView): void {
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
}

/**
 * An update without an address keeps it. A change of the type drops the fields that the new type does not have, unless
 * it sets them again.
 */
export function keepAddress(draft: Draft, old: KubeObject): void {
  const spec = ensureFields(draft, 'spec');
  const before = fieldsAt(old, 'spec');
  function dropUnchanged(fields: readonly string[]): void {
    for (const field of fields) if (isDeepStrictEqual(spec[field], before[field])) delete spec[field];
  }
  if (spec['type'] === 'ExternalName') {
    dropUnchanged([...addressFields, 'externalTrafficPolicy']);
  } else {
    for (const field of addressFields) spec[field] ??= before[field];
  }
  if (spec['type'] !== 'NodePort') dropUnchanged(['externalTrafficPolicy']);
  for (const port of objectsAt(spec, 'ports')) {
    const same = objectsAt(before, 'ports').find(
      (each) => each['port'] === port['port'] && each['protocol'] === port['protocol'],
    );
    if (spec['type'] === 'NodePort') port['nodePort'] ??= same?.['nodePort'];
    else if (port['nodePort'] === same?.['nodePort']) delete port['nodePort'];
  }
}
