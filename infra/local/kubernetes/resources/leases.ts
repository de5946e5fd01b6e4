import { leasePrinter } from '../printers/others.ts';
import type { Resource } from './resource.ts';
import { checkLease } from '../validation/lease.ts';

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  singular: 'lease',
  namespaced: true,
  struct: 'coordination.Lease',
  subresources: [],
  countsGenerations: false,
  unconditionalUpdate: false,
  createOnUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
  printer: leasePrinter,
  validate: (draft, faults) => checkLease(faults, draft),
};
