import { isIP } from 'node:net';
import { fieldsAt, listAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { checkOneOf, checkPort, checkRequired, checkSyntax } from './check.ts';
import { duplicate, forbiddenField, invalidValue, required } from './faults.ts';
import { labelFaults, subdomainFaults } from './names.ts';
import { checkPortOrName } from './probes.ts';
import { checkLabelMap } from './selector.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

/** ValidateService of pkg/apis/core/validation. */
export function checkService(faults: Faults, draft: Draft): void {
  const spec = fieldsAt(draft, 'spec');
  const type = stringAt(spec, 'type');
  const isHeadless = stringAt(spec, 'clusterIP') === 'None';
  const ports = objectsAt(spec, 'ports');
  if (ports.length === 0 && !isHeadless && type !== 'ExternalName') faults.push(required('spec.ports'));
  if (type === 'ExternalName') checkExternalName(faults, spec);
  checkOneOf(faults, 'spec.type', type, types);
  checkPorts(faults, ports, type);
  checkLabelMap(faults, 'spec.selector', stringsAt(spec, 'selector'));
  checkOneOf(faults, 'spec.sessionAffinity', spec['sessionAffinity'], ['ClientIP', 'None']);
  for (const [index, address] of listAt(spec, 'clusterIPs').entries()) {
    if (address !== 'None' && (typeof address !== 'string' || isIP(address) === 0)) {
      faults.push(
        invalidValue(
          `spec.clusterIPs[${index}]`,
          address,
          'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        ),
      );
    }
  }
}

function checkExternalName(faults: Faults, spec: Fields): void {
  const name = stringAt(spec, 'externalName').replace(/\.$/, '');
  if (stringAt(spec, 'clusterIP') !== '')
    faults.push(forbiddenField('spec.clusterIPs[0]', 'may not be set for ExternalName services'));
  if (checkRequired(faults, 'spec.externalName', name)) checkSyntax(faults, 'spec.externalName', name, subdomainFaults);
}

function checkPorts(faults: Faults, ports: readonly Fields[], type: string): void {
  const names = new Set<string>();
  const places = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = stringAt(port, 'name');
    if (name === '' && ports.length > 1) faults.push(required(`${at}.name`));
    if (name !== '') checkSyntax(faults, `${at}.name`, name, labelFaults);
    if (name !== '' && names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    checkPort(faults, `${at}.port`, port['port']);
    checkOneOf(faults, `${at}.protocol`, stringAt(port, 'protocol'), ['SCTP', 'TCP', 'UDP']);
    checkPortOrName(faults, `${at}.targetPort`, port['targetPort']);
    if (type === 'ClusterIP' && port['nodePort'] !== undefined)
      faults.push(forbiddenField(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"));
    const place = `${stringAt(port, 'protocol')}/${String(port['port'])}`;
    if (places.has(place)) faults.push(duplicate(at, { protocol: port['protocol'], port: port['port'] }));
    places.add(place);
  }
}

/** The cluster address is kept, unless the Service comes to have none or had none. */
export function checkServiceUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const now = stringAt(draft, 'spec', 'clusterIP');
  const was = stringAt(old, 'spec', 'clusterIP');
  const stays = stringAt(draft, 'spec', 'type') !== 'ExternalName' && stringAt(old, 'spec', 'type') !== 'ExternalName';
  if (stays && was !== '' && now !== was)
    faults.push(invalidValue('spec.clusterIPs[0]', [now], 'may not change once set'));
}
