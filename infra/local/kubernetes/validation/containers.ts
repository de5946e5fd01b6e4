import { numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkOneOf, checkPort, checkSyntax } from './check.ts';
import { checkResources } from './container-resources.ts';
import { checkEnv } from './env.ts';
import { duplicate, forbiddenField, invalidValue, required } from './faults.ts';
import { labelFaults, portNameFaults } from './names.ts';
import { checkLifecycle, checkProbes } from './probes.ts';
import { checkContainerSecurity } from './security.ts';
import { checkMounts } from './volumes.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

interface Seen {
  readonly volumes: ReadonlySet<string>;
  readonly names: Set<string>;
}

/** `containers` and `initContainers` of a pod spec. */
export function checkContainers(faults: Faults, path: string, spec: Fields, volumes: ReadonlySet<string>): void {
  const containers = objectsAt(spec, 'containers');
  if (containers.length === 0) faults.push(required(`${path}.containers`));
  const seen: Seen = { volumes, names: new Set() };
  const hostPorts = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${path}.containers[${index}]`;
    checkContainer(faults, at, container, seen);
    checkHostPorts(faults, at, container, hostPorts);
  }
  for (const [index, container] of objectsAt(spec, 'initContainers').entries()) {
    const at = `${path}.initContainers[${index}]`;
    checkContainer(faults, at, container, seen);
    checkInit(faults, at, container);
  }
}

function checkContainer(faults: Faults, path: string, container: Fields, { volumes, names }: Seen): void {
  const name = stringAt(container, 'name');
  if (name === '') faults.push(required(`${path}.name`));
  else checkSyntax(faults, `${path}.name`, name, labelFaults);
  if (name !== '' && names.has(name)) faults.push(duplicate(`${path}.name`, name));
  names.add(name);
  const image = stringAt(container, 'image');
  if (image === '') faults.push(required(`${path}.image`));
  else if (image.trim() !== image)
    faults.push(invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  checkLifecycle(faults, path, container);
  checkOneOf(faults, `${path}.terminationMessagePolicy`, container['terminationMessagePolicy'], [
    'File',
    'FallbackToLogsOnError',
  ]);
  checkProbes(faults, path, container);
  checkPorts(faults, path, container);
  checkEnv(faults, path, container);
  checkMounts(faults, path, container, volumes);
  checkOneOf(faults, `${path}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']);
  checkResources(faults, path, container);
  checkContainerSecurity(faults, `${path}.securityContext`, container['securityContext']);
}

function checkPorts(faults: Faults, path: string, container: Fields): void {
  const names = new Set<string>();
  for (const [index, port] of objectsAt(container, 'ports').entries()) {
    const at = `${path}.ports[${index}]`;
    const name = stringAt(port, 'name');
    if (name !== '') checkSyntax(faults, `${at}.name`, name, portNameFaults);
    if (name !== '' && portNameFaults(name).length === 0 && names.has(name)) faults.push(duplicate(`${at}.name`, name));
    names.add(name);
    if ((numberAt(port, 'containerPort') ?? 0) === 0) faults.push(required(`${at}.containerPort`));
    else checkPort(faults, `${at}.containerPort`, port['containerPort']);
    if (port['hostPort'] !== undefined) checkPort(faults, `${at}.hostPort`, port['hostPort']);
    checkOneOf(faults, `${at}.protocol`, stringAt(port, 'protocol'), protocols);
  }
}

function checkHostPorts(faults: Faults, path: string, container: Fields, taken: Set<string>): void {
  for (const [index, port] of objectsAt(container, 'ports').entries()) {
    const hostPort = numberAt(port, 'hostPort');
    if (hostPort === undefined) continue;
    const key = `${stringAt(port, 'protocol')}/${stringAt(port, 'hostIP')}/${hostPort}`;
    if (taken.has(key)) faults.push(duplicate(`${path}.ports[${index}].hostPort`, key));
    taken.add(key);
  }
}

/** An init container cannot be probed, unless its restartPolicy is Always. */
function checkInit(faults: Faults, path: string, container: Fields): void {
  if (container['restartPolicy'] === 'Always') return;
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe']) {
    if (container[field] !== undefined)
      faults.push(
        forbiddenField(`${path}.${field}`, 'may not be set for init containers without restartPolicy=Always'),
      );
  }
}
