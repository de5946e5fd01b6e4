import { isFields, listAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkNotNegative, checkOneOf, checkPort, checkRequired, optional } from './check.ts';
import { forbiddenField, invalidValue, required } from './faults.ts';
import { portNameFaults } from './names.ts';

const actions = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

/** The probes of a container. */
export function checkProbes(faults: Faults, path: string, container: Fields): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = optional(container, name);
    if (probe === undefined) continue;
    const at = `${path}.${name}`;
    checkAction(faults, at, probe);
    for (const field of [
      'initialDelaySeconds',
      'timeoutSeconds',
      'periodSeconds',
      'successThreshold',
      'failureThreshold',
    ]) {
      checkNotNegative(faults, `${at}.${field}`, probe[field]);
    }
    const threshold = probe['successThreshold'];
    if (name !== 'readinessProbe' && threshold !== undefined && threshold !== 1)
      faults.push(invalidValue(`${at}.successThreshold`, threshold, 'must be 1'));
  }
}

function checkAction(faults: Faults, path: string, handler: Fields): void {
  const given = actions.filter((action) => isFields(handler[action]));
  for (const [index, action] of given.entries()) {
    const at = `${path}.${action}`;
    if (index > 0) faults.push(forbiddenField(at, 'may not specify more than 1 handler type'));
    else checkHandler(faults, at, action, optional(handler, action) ?? {});
  }
  if (given.length === 0) faults.push(required(path, 'must specify a handler type'));
}

function checkHandler(faults: Faults, path: string, action: string, handler: Fields): void {
  if (action === 'exec' && listAt(handler, 'command').length === 0) faults.push(required(`${path}.command`));
  if (action === 'httpGet') {
    checkRequired(faults, `${path}.path`, handler['path']);
    checkPortOrName(faults, `${path}.port`, handler['port']);
    checkOneOf(faults, `${path}.scheme`, stringAt(handler, 'scheme') || 'HTTP', ['HTTP', 'HTTPS']);
  }
  if (action === 'tcpSocket') checkPortOrName(faults, `${path}.port`, handler['port']);
  if (action === 'grpc') checkPort(faults, `${path}.port`, handler['port']);
}

/** `lifecycle.postStart` and `preStop`. */
export function checkLifecycle(faults: Faults, path: string, container: Fields): void {
  for (const name of ['postStart', 'preStop']) {
    const hook = optional(optional(container, 'lifecycle') ?? {}, name);
    if (hook !== undefined) checkAction(faults, `${path}.lifecycle.${name}`, hook);
  }
}

export function checkPortOrName(faults: Faults, path: string, port: unknown): void {
  if (typeof port === 'string') for (const fault of portNameFaults(port)) faults.push(invalidValue(path, port, fault));
  else checkPort(faults, path, port ?? 0);
}
