import { listAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults, Resource } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { forbiddenField, immutable, invalidValue, required, tooLong } from './faults.ts';
import { label1035Faults, labelFaults, labelValueFaults, qualifiedNameFaults, subdomainFaults } from './names.ts';

const totalAnnotationBytes = 256 * 1024;

const nameRules: Readonly<Record<Resource['nameRule'], (name: string) => readonly string[]>> = {
  subdomain: subdomainFaults,
  label: labelFaults,
  service: label1035Faults,
};

const fixedFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** ValidateObjectMeta: names, labels, annotations, finalizers, owners. */
export function validateMetadata(draft: Draft, resource: Resource, faults: Faults): void {
  const { metadata } = draft;
  const generateName = stringAt(metadata, 'generateName');
  if (generateName !== '') {
    const probe = `${generateName.slice(0, 57).replace(/-+$/, '')}${generateName.endsWith('-') ? '-a' : ''}`;
    for (const fault of nameRules[resource.nameRule](probe))
      faults.push(invalidValue('metadata.generateName', generateName, fault));
  }
  const name = stringAt(metadata, 'name');
  if (name === '') faults.push(required('metadata.name', 'name or generateName is required'));
  else for (const fault of nameRules[resource.nameRule](name)) faults.push(invalidValue('metadata.name', name, fault));
  validateLabels(metadata, 'metadata.labels', faults);
  validateAnnotations(metadata, 'metadata.annotations', faults);
  for (const [index, finalizer] of listAt(metadata, 'finalizers').entries()) {
    for (const fault of finalizerFaults(String(finalizer)))
      faults.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, fault));
  }
  validateOwners(metadata, faults);
}

function validateLabels(holder: Fields, path: string, faults: Faults): void {
  const labels = stringsAt(holder, path.split('.').at(-1) ?? '');
  for (const [key, value] of Object.entries(labels)) {
    for (const fault of qualifiedNameFaults(key)) faults.push(invalidValue(path, key, fault));
    for (const fault of labelValueFaults(value)) faults.push(invalidValue(path, value, fault));
  }
}

function validateAnnotations(holder: Fields, path: string, faults: Faults): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(stringsAt(holder, 'annotations'))) {
    for (const fault of qualifiedNameFaults(key.toLowerCase())) faults.push(invalidValue(path, key, fault));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > totalAnnotationBytes) faults.push(tooLong(path, totalAnnotationBytes));
}

function finalizerFaults(finalizer: string): readonly string[] {
  const faults = qualifiedNameFaults(finalizer);
  if (faults.length > 0 || finalizer.includes('/')) return faults;
  return ['orphan', 'foregroundDeletion', 'kubernetes'].includes(finalizer)
    ? []
    : ['name is neither a standard finalizer name nor is it fully qualified'];
}

function validateOwners(metadata: Fields, faults: Faults): void {
  const owners = objectsAt(metadata, 'ownerReferences');
  for (const owner of owners) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid']) {
      if (stringAt(owner, field) === '')
        faults.push(invalidValue(`metadata.ownerReferences.${field}`, '', 'must not be empty'));
    }
    if (owner['kind'] === 'Event' && owner['apiVersion'] === 'v1') {
      faults.push(invalidValue('metadata.ownerReferences', owner, '/v1, Kind=Event is disallowed from being an owner'));
    }
  }
  const controllers = owners.filter((owner) => owner['controller'] === true);
  if (controllers.length > 1) {
    const [first, second] = controllers.map((owner) => `${stringAt(owner, 'kind')}/${stringAt(owner, 'name')}`);
    faults.push(
      invalidValue(
        'metadata.ownerReferences',
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${second}`,
      ),
    );
  }
}

/** Labels and annotations of an object, or of the pods of a template. */
export function checkMapSyntax(faults: Faults, path: string, metadata: Fields): void {
  validateLabels(metadata, `${path}.labels`, faults);
  validateAnnotations(metadata, `${path}.annotations`, faults);
}

/** ValidateObjectMetaUpdate: what no update may change. */
export function validateMetadataUpdate(draft: Draft, old: KubeObject, faults: Faults): void {
  for (const field of fixedFields) {
    const value = draft.metadata[field];
    if (value !== old.metadata[field]) faults.push(invalidValue(`metadata.${field}`, value, immutable));
  }
  if (old.metadata.deletionTimestamp === undefined) return;
  const before = new Set<unknown>(old.metadata.finalizers ?? []);
  const added = listAt(draft.metadata, 'finalizers').filter((finalizer) => !before.has(finalizer));
  if (added.length > 0) {
    faults.push(
      forbiddenField(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => JSON.stringify(each)).join(', ')}}`,
      ),
    );
  }
}
