import { isIP } from 'node:net';
import { listAt, objectsAt, stringAt } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { checkPort } from './check.ts';
import { immutable, invalidValue, notSupported, required } from './faults.ts';

const types = ['FQDN', 'IPv4', 'IPv6'];

/**
 * ValidateEndpointSlice of pkg/apis/discovery/validation, without its ban on loopback addresses: the pods of a node of
 * local processes have no other.
 */
export function checkEndpointSlice(faults: Faults, draft: Draft): void {
  const type = stringAt(draft, 'addressType');
  if (type === '') faults.push(required('addressType'));
  else if (!types.includes(type)) faults.push(notSupported('addressType', type, types));
  for (const [index, endpoint] of objectsAt(draft, 'endpoints').entries()) {
    const path = `endpoints[${index}].addresses`;
    const addresses = listAt(endpoint, 'addresses');
    if (addresses.length === 0) faults.push(required(path, 'must contain at least 1 address'));
    for (const [position, address] of addresses.entries()) {
      const isOfType = type === 'FQDN' || isIP(String(address)) === Number(type.slice(-1));
      if (!isOfType) faults.push(invalidValue(`${path}[${position}]`, address, `must be an ${type} address`));
    }
  }
  for (const [index, port] of objectsAt(draft, 'ports').entries())
    checkPort(faults, `ports[${index}].port`, port['port']);
}

export function checkEndpointSliceUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const type = draft['addressType'];
  if (type !== old['addressType']) faults.push(invalidValue('addressType', type, immutable));
}
