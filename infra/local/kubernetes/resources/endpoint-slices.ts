import { isDeepStrictEqual } from 'node:util';
import { endpointSlicePrinter } from '../printers/others.ts';
import { checkEndpointSlice, checkEndpointSliceUpdate } from '../validation/endpoint-slice.ts';
import type { Resource } from './resource.ts';

export const endpointSlices: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  namespaced: true,
  struct: 'discovery.EndpointSlice',
  subresources: [],
  countsGenerations: true,
  unconditionalUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
  printer: endpointSlicePrinter,
  validate: (draft, faults) => checkEndpointSlice(faults, draft),
  validateUpdate: (draft, old, faults) => checkEndpointSliceUpdate(faults, draft, old),
  prepareForUpdate: (draft, old) => {
    // There is no spec: all that is not metadata counts, and so do the labels.
    const isSame =
      ['addressType', 'endpoints', 'ports'].every((field) => isDeepStrictEqual(draft[field], old[field])) &&
      isDeepStrictEqual(draft.metadata['labels'] ?? {}, old.metadata.labels ?? {});
    if (!isSame) draft.metadata['generation'] = (old.metadata.generation ?? 0) + 1;
  },
};
