import { isIP } from 'node:net';
import { isFields, listAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkOneOf, checkRange, checkSyntax } from './check.ts';
import { checkContainers } from './containers.ts';
import { forbiddenField, invalidValue } from './faults.ts';
import { labelFaults, subdomainFaults } from './names.ts';
import { checkScheduling } from './scheduling.ts';
import { checkPodSecurity } from './security.ts';
import { checkVolumes } from './volumes.ts';

/** ValidatePodSpec of pkg/apis/core/validation: the parts that concern the pods of this project. */
export function checkPodSpec(faults: Faults, path: string, spec: Fields): void {
  const volumes = checkVolumes(faults, path, spec);
  checkContainers(faults, path, spec, volumes);
  checkOneOf(faults, `${path}.restartPolicy`, spec['restartPolicy'], ['Always', 'OnFailure', 'Never']);
  checkOneOf(faults, `${path}.dnsPolicy`, spec['dnsPolicy'], [
    'ClusterFirstWithHostNet',
    'ClusterFirst',
    'Default',
    'None',
  ]);
  checkScheduling(faults, path, spec);
  checkPodSecurity(faults, `${path}.securityContext`, spec['securityContext']);
  checkSyntax(faults, `${path}.serviceAccountName`, spec['serviceAccountName'], subdomainFaults);
  checkSyntax(faults, `${path}.nodeName`, spec['nodeName'], subdomainFaults);
  checkRange(faults, `${path}.activeDeadlineSeconds`, spec['activeDeadlineSeconds'], 1, 2 ** 31 - 1);
  checkSyntax(faults, `${path}.hostname`, spec['hostname'], labelFaults);
  checkSyntax(faults, `${path}.subdomain`, spec['subdomain'], labelFaults);
  checkAliases(faults, path, spec);
  checkSyntax(faults, `${path}.priorityClassName`, spec['priorityClassName'], subdomainFaults);
  checkSyntax(faults, `${path}.runtimeClassName`, spec['runtimeClassName'], subdomainFaults);
  checkOneOf(faults, `${path}.preemptionPolicy`, spec['preemptionPolicy'], ['Never', 'PreemptLowerPriority']);
  const os = spec['os'];
  if (isFields(os)) checkOneOf(faults, `${path}.os`, stringAt(os, 'name'), ['linux', 'windows']);
  checkHostNetwork(faults, path, spec);
}

function checkAliases(faults: Faults, path: string, spec: Fields): void {
  for (const [index, alias] of objectsAt(spec, 'hostAliases').entries()) {
    const at = `${path}.hostAliases[${index}]`;
    const ip = stringAt(alias, 'ip');
    if (isIP(ip) === 0)
      faults.push(invalidValue(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    for (const [position, name] of listAt(alias, 'hostnames').entries())
      checkSyntax(faults, `${at}.hostnames[${position}]`, name, subdomainFaults);
  }
}

function checkHostNetwork(faults: Faults, path: string, spec: Fields): void {
  if (spec['hostNetwork'] !== true) return;
  for (const [index, container] of objectsAt(spec, 'containers').entries()) {
    for (const [position, port] of objectsAt(container, 'ports').entries()) {
      const hostPort = numberAt(port, 'hostPort');
      if (hostPort === undefined || hostPort === numberAt(port, 'containerPort')) continue;
      const at = `${path}.containers[${index}].ports[${position}].hostPort`;
      faults.push(invalidValue(at, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
  }
}

/** Whether spec names what only a pod that is on no node yet may have. */
export function checkGates(faults: Faults, path: string, spec: Fields): void {
  if (objectsAt(spec, 'schedulingGates').length > 0 && stringAt(spec, 'nodeName') !== '') {
    faults.push(forbiddenField(`${path}.nodeName`, 'cannot be set until all schedulingGates have been cleared'));
  }
}
