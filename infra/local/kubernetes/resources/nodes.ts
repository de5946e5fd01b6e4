import { ensureFields, fieldsAt } from '../json.ts';
import { nodePrinter } from '../printers/nodes.ts';
import type { Resource } from './resource.ts';

export const nodes: Resource = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  namespaced: false,
  struct: 'core.Node',
  subresources: ['proxy', 'status'],
  countsGenerations: false,
  unconditionalUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
  printer: nodePrinter,
  applyDefaults: (draft) => {
    const status = ensureFields(draft, 'status');
    if (status['allocatable'] === undefined && status['capacity'] !== undefined)
      status['allocatable'] = status['capacity'];
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
  },
  fieldLabels: (object) => ({ 'spec.unschedulable': `${fieldsAt(object, 'spec')['unschedulable'] === true}` }),
};
