import { isFields, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkRequired, checkSyntax, optional } from './check.ts';
import { invalidValue, notSupported, required } from './faults.ts';
import { configKeyFaults, envVarNameFaults, subdomainFaults } from './names.ts';

const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef'];

const containerFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** The field labels of pods that an environment variable may not use. */
const otherPodFields = [
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'status.nominatedNodeName',
  'metadata.labels',
  'metadata.annotations',
];
const containerResources = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const subscript = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/;

/** `env` and `envFrom` of a container. */
export function checkEnv(faults: Faults, path: string, container: Fields): void {
  for (const [index, variable] of objectsAt(container, 'env').entries())
    checkVariable(faults, `${path}.env[${index}]`, variable);
  for (const [index, source] of objectsAt(container, 'envFrom').entries())
    checkEnvFrom(faults, `${path}.envFrom[${index}]`, source, `${path}.envFrom`);
}

function checkVariable(faults: Faults, path: string, variable: Fields): void {
  if (checkRequired(faults, `${path}.name`, variable['name']))
    checkSyntax(faults, `${path}.name`, variable['name'], envVarNameFaults);
  const from = optional(variable, 'valueFrom');
  if (from === undefined) return;
  const given = sources.filter((source) => isFields(from[source]));
  const valuePath = `${path}.valueFrom`;
  checkFieldRef(faults, `${valuePath}.fieldRef`, from['fieldRef']);
  checkResourceRef(faults, `${valuePath}.resourceFieldRef`, from['resourceFieldRef']);
  for (const source of ['configMapKeyRef', 'secretKeyRef']) checkKeyRef(faults, `${valuePath}.${source}`, from[source]);
  if (given.length === 0)
    faults.push(
      invalidValue(
        valuePath,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
    );
  else if (stringAt(variable, 'value') !== '')
    faults.push(invalidValue(valuePath, '', 'may not be specified when `value` is not empty'));
  else if (given.length > 1)
    faults.push(invalidValue(valuePath, '', 'may not have more than one field specified at a time'));
}

function checkFieldRef(faults: Faults, path: string, ref: unknown): void {
  if (!isFields(ref)) return;
  const field = stringAt(ref, 'fieldPath');
  if (!checkRequired(faults, `${path}.fieldPath`, field)) return;
  if (subscript.test(field)) return;
  if (containerFields.includes(field)) return;
  if (!otherPodFields.includes(field))
    faults.push(
      invalidValue(`${path}.fieldPath`, field, `error converting fieldPath: field label not supported: ${field}`),
    );
  else faults.push(notSupported(`${path}.fieldPath`, field, containerFields));
}

function checkResourceRef(faults: Faults, path: string, ref: unknown): void {
  if (!isFields(ref)) return;
  const resource = stringAt(ref, 'resource');
  if (!checkRequired(faults, `${path}.resource`, resource)) return;
  if (!containerResources.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) {
    faults.push(notSupported(`${path}.resource`, resource, containerResources));
  }
}

function checkKeyRef(faults: Faults, path: string, ref: unknown): void {
  if (!isFields(ref)) return;
  checkSyntax(faults, `${path}.name`, stringAt(ref, 'name'), subdomainFaults);
  if (checkRequired(faults, `${path}.key`, ref['key'])) checkSyntax(faults, `${path}.key`, ref['key'], configKeyFaults);
}

function checkEnvFrom(faults: Faults, path: string, source: Fields, listPath: string): void {
  const prefix = stringAt(source, 'prefix');
  if (prefix !== '') checkSyntax(faults, `${path}.prefix`, prefix, envVarNameFaults);
  const kinds = ['configMapRef', 'secretRef'].filter((kind) => isFields(source[kind]));
  for (const kind of kinds) {
    const name = stringAt(source[kind], 'name');
    if (name === '') faults.push(required(`${path}.${kind}.name`));
    else checkSyntax(faults, `${path}.${kind}.name`, name, subdomainFaults);
  }
  if (kinds.length === 0) faults.push(invalidValue(listPath, '', 'must specify one of: `configMapRef` or `secretRef`'));
  if (kinds.length > 1) faults.push(invalidValue(listPath, '', 'may not have more than one field specified at a time'));
}
