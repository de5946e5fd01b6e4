import { ensureFields, setDefault, stringAt } from '../json.ts';
import { namespacePrinter } from '../printers/others.ts';
import type { Resource } from './resource.ts';

export const namespaces: Resource = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  singular: 'namespace',
  shortNames: ['ns'],
  namespaced: false,
  struct: 'core.Namespace',
  subresources: ['finalize', 'status'],
  countsGenerations: false,
  unconditionalUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'label',
  printer: namespacePrinter,
  applyDefaults: (draft) => {
    const name = stringAt(draft.metadata, 'name');
    if (name !== '') ensureFields(draft.metadata, 'labels')['kubernetes.io/metadata.name'] = name;
    setDefault(ensureFields(draft, 'status'), 'phase', 'Active');
  },
  prepareForCreate: (draft) => {
    draft['status'] = { phase: 'Active' };
    draft['spec'] = { finalizers: ['kubernetes'] };
    ensureFields(draft.metadata, 'labels')['kubernetes.io/metadata.name'] = stringAt(draft.metadata, 'name');
  },
  prepareForUpdate: (draft, old) => {
    draft['spec'] = old['spec'];
    draft['status'] = old['status'];
  },
  fieldLabels: (object) => ({ 'status.phase': stringAt(object, 'status', 'phase') }),
};
