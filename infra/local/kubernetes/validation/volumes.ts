import { isFields, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkOneOf, checkRange, checkRequired, checkSyntax, optional } from './check.ts';
import { duplicate, forbiddenField, invalidValue, missing, required } from './faults.ts';
import { labelFaults } from './names.ts';
import { parseQuantity } from '../schema/quantity.ts';

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

/** `spec.volumes`; returns their names. */
export function checkVolumes(faults: Faults, path: string, spec: Fields): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [index, volume] of objectsAt(spec, 'volumes').entries()) {
    const at = `${path}.volumes[${index}]`;
    checkSource(faults, at, volume, spec);
    const name = stringAt(volume, 'name');
    if (name === '') faults.push(required(`${at}.name`));
    else if (names.has(name)) faults.push(duplicate(`${at}.name`, name));
    else checkSyntax(faults, `${at}.name`, name, labelFaults);
    names.add(name);
  }
  return names;
}

function checkSource(faults: Faults, path: string, volume: Fields, spec: Fields): void {
  const [first, ...others] = Object.keys(volume).filter((key) => key !== 'name' && isFields(volume[key]));
  if (first === undefined) {
    faults.push(required(path, 'must specify a volume type'));
    return;
  }
  for (const extra of others)
    faults.push(forbiddenField(`${path}.${extra}`, 'may not specify more than 1 volume type'));
  const source = optional(volume, first) ?? {};
  const at = `${path}.${first}`;
  if (first === 'emptyDir') checkEmptyDir(faults, at, source);
  if (first === 'hostPath') checkHostPath(faults, at, source);
  if (first === 'secret') checkKeys(faults, at, source, 'secretName');
  if (first === 'configMap') checkKeys(faults, at, source, 'name');
  if (first === 'persistentVolumeClaim') checkRequired(faults, `${at}.claimName`, source['claimName']);
  if (first === 'projected') checkProjected(faults, at, source, spec);
  if (first === 'csi') checkRequired(faults, `${at}.driver`, source['driver']);
  if (first === 'nfs') {
    checkRequired(faults, `${at}.server`, source['server']);
    checkRequired(faults, `${at}.path`, source['path']);
  }
}

function checkEmptyDir(faults: Faults, path: string, source: Fields): void {
  const limit = stringAt(source, 'sizeLimit');
  if (limit !== '' && (parseQuantity(limit)?.nanos ?? 0n) < 0n) {
    faults.push(forbiddenField(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  }
}

function checkHostPath(faults: Faults, path: string, source: Fields): void {
  if (checkRequired(faults, `${path}.path`, source['path'])) checkNoBackstep(faults, `${path}.path`, source['path']);
  checkOneOf(faults, `${path}.type`, source['type'] ?? '', hostPathTypes);
}

function checkNoBackstep(faults: Faults, path: string, value: string): void {
  if (value.split('/').includes('..')) faults.push(invalidValue(path, value, "must not contain '..'"));
}

function checkKeys(faults: Faults, path: string, source: Fields, nameField: string): void {
  checkRequired(faults, `${path}.${nameField}`, source[nameField]);
  checkMode(faults, `${path}.defaultMode`, source['defaultMode']);
  checkItems(faults, path, source);
}

function checkMode(faults: Faults, path: string, mode: unknown): void {
  const inner: Faults = [];
  checkRange(inner, path, mode, 0, 0o777);
  if (inner.length > 0)
    faults.push(invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
}

function checkItems(faults: Faults, path: string, source: Fields): void {
  for (const [index, item] of objectsAt(source, 'items').entries()) {
    const at = `${path}.items[${index}]`;
    checkRequired(faults, `${at}.key`, item['key']);
    if (checkRequired(faults, `${at}.path`, item['path'])) checkRelative(faults, `${at}.path`, item['path']);
    checkMode(faults, `${at}.mode`, item['mode']);
  }
}

function checkRelative(faults: Faults, path: string, value: string): void {
  if (value.startsWith('/')) faults.push(invalidValue(path, value, 'must be a relative path'));
  checkNoBackstep(faults, path, value);
  if (value.startsWith('..') && !value.startsWith('../') && value !== '..')
    faults.push(invalidValue(path, value, "must not start with '..'"));
}

function checkProjected(faults: Faults, path: string, source: Fields, spec: Fields): void {
  checkMode(faults, `${path}.defaultMode`, source['defaultMode']);
  for (const [index, entry] of objectsAt(source, 'sources').entries()) {
    const at = `${path}.sources[${index}]`;
    for (const kind of ['secret', 'configMap']) {
      const inner = optional(entry, kind);
      if (inner === undefined) continue;
      checkRequired(faults, `${at}.${kind}.name`, inner['name']);
      checkItems(faults, `${at}.${kind}`, inner);
    }
    const token = optional(entry, 'serviceAccountToken');
    if (token === undefined) continue;
    const tokenPath = `${at}.serviceAccountToken`;
    if (stringAt(spec, 'serviceAccountName') === '')
      faults.push(forbiddenField(tokenPath, 'must not be specified when serviceAccountName is not set'));
    if ((numberAt(token, 'expirationSeconds') ?? 3600) < 600)
      faults.push(
        invalidValue(
          `${tokenPath}.expirationSeconds`,
          token['expirationSeconds'],
          'may not specify a duration less than 10 minutes',
        ),
      );
    checkRequired(faults, `${tokenPath}.path`, token['path']);
  }
}

/** `volumeMounts` of a container: each names a volume of the pod. */
export function checkMounts(faults: Faults, path: string, container: Fields, volumes: ReadonlySet<string>): void {
  const places = new Set<unknown>();
  for (const [index, mount] of objectsAt(container, 'volumeMounts').entries()) {
    const at = `${path}.volumeMounts[${index}]`;
    const name = stringAt(mount, 'name');
    if (name === '') faults.push(required(`${at}.name`));
    if (!volumes.has(name)) faults.push(missing(`${at}.name`, name));
    const place = mount['mountPath'];
    if (checkRequired(faults, `${at}.mountPath`, place) && places.has(place))
      faults.push(invalidValue(`${at}.mountPath`, place, 'must be unique'));
    places.add(place);
    // The path has no index here, as in the API server.
    const subPath = stringAt(mount, 'subPath');
    if (subPath !== '') checkRelative(faults, `${path}.volumeMounts.subPath`, subPath);
  }
}
