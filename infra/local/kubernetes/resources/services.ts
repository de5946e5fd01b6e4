import { objectsAt, setDefault, stringAt, ensureFields } from '../json.ts';
import { servicePrinter } from '../printers/others.ts';
import type { Draft } from '../types.ts';
import { allocateAddress, keepAddress } from './service-address.ts';
import type { Resource } from './resource.ts';
import { checkService, checkServiceUpdate } from '../validation/service.ts';

export const services: Resource = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  struct: 'core.Service',
  subresources: ['proxy', 'status'],
  countsGenerations: false,
  unconditionalUpdate: true,
  returnsDeleted: true,
  defaultPropagation: 'background',
  nameRule: 'service',
  printer: servicePrinter,
  validate: (draft, faults) => checkService(faults, draft),
  validateUpdate: (draft, old, faults) => checkServiceUpdate(faults, draft, old),
  applyDefaults: (draft) => applyServiceDefaults(draft),
  prepareForCreate: (draft, cluster) => {
    draft['status'] = { loadBalancer: {} };
    allocateAddress(draft, cluster);
  },
  prepareForUpdate: (draft, old, cluster) => {
    draft['status'] = old['status'];
    keepAddress(draft, old);
    allocateAddress(draft, cluster);
  },
  fieldLabels: (object) => ({
    'spec.clusterIP': stringAt(object, 'spec', 'clusterIP'),
    'spec.type': stringAt(object, 'spec', 'type'),
  }),
};

/** SetDefaults_Service. */
function applyServiceDefaults(draft: Draft): void {
  const spec = ensureFields(draft, 'spec');
  setDefault(spec, 'sessionAffinity', 'None');
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  else setDefault(ensureFields(spec, 'sessionAffinityConfig', 'clientIP'), 'timeoutSeconds', 10_800);
  setDefault(spec, 'type', 'ClusterIP');
  for (const port of objectsAt(spec, 'ports')) {
    setDefault(port, 'protocol', 'TCP');
    if (port['targetPort'] === 0 || port['targetPort'] === '' || port['targetPort'] === undefined) {
      port['targetPort'] = port['port'];
    }
  }
  const type = spec['type'];
  if (type === 'NodePort' || type === 'LoadBalancer') setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (type !== 'ExternalName') setDefault(spec, 'internalTrafficPolicy', 'Cluster');
  if (type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
}
