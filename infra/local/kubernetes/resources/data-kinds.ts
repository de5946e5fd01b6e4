import { fieldsAt, setDefault, stringAt, stringsAt } from '../json.ts';
import { configMapPrinter, secretPrinter, serviceAccountPrinter } from '../printers/others.ts';
import type { Resource } from './resource.ts';
import { checkConfigMap, checkDataUpdate, checkSecret } from '../validation/data.ts';

const plain = {
  group: '',
  version: 'v1',
  namespaced: true,
  subresources: [],
  countsGenerations: false,
  unconditionalUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
} as const;

export const secrets: Resource = {
  ...plain,
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  struct: 'core.Secret',
  printer: secretPrinter,
  validate: (draft, faults) => checkSecret(faults, draft),
  validateUpdate: (draft, old, faults) => checkDataUpdate(faults, draft, old),
  applyDefaults: (draft) => {
    setDefault(draft, 'type', 'Opaque');
    const texts = Object.entries(stringsAt(draft, 'stringData'));
    if (texts.length === 0) return;
    // Not by assignment: a key may be called __proto__.
    const encoded = texts.map(([key, text]) => [key, Buffer.from(text).toString('base64')] as const);
    draft['data'] = Object.fromEntries([...Object.entries(fieldsAt(draft, 'data')), ...encoded]);
    delete draft['stringData'];
  },
  fieldLabels: (object) => ({ type: stringAt(object, 'type') }),
};

export const configMaps: Resource = {
  ...plain,
  kind: 'ConfigMap',
  plural: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  struct: 'core.ConfigMap',
  printer: configMapPrinter,
  validate: (draft, faults) => checkConfigMap(faults, draft),
  validateUpdate: (draft, old, faults) => checkDataUpdate(faults, draft, old),
};

export const serviceAccounts: Resource = {
  ...plain,
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  struct: 'core.ServiceAccount',
  printer: serviceAccountPrinter,
};
