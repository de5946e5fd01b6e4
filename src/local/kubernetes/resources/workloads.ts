import { applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, numberAt, setDefault } from '../json.ts';
import { deploymentPrinter, endpointSlicePrinter, replicaSetPrinter } from '../printers/others.ts';
import type { Draft } from '../types.ts';
import type { Resource } from './resource.ts';

const workload = {
  group: 'apps',
  version: 'v1',
  categories: ['all'],
  namespaced: true,
  subresources: ['scale', 'status'],
  countsGenerations: true,
  unconditionalUpdate: true,
  defaultPropagation: 'background',
  nameRule: 'subdomain',
} as const;

export const deployments: Resource = {
  ...workload,
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  struct: 'apps.Deployment',
  readOnly: 'Deployments: there is no Deployment controller here yet, so nothing would run their pods',
  printer: deploymentPrinter,
  applyDefaults: (draft) => applyDeploymentDefaults(draft),
};

export const replicaSets: Resource = {
  ...workload,
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  struct: 'apps.ReplicaSet',
  readOnly: 'ReplicaSets: there is no ReplicaSet controller here yet, so nothing would run their pods',
  printer: replicaSetPrinter,
  applyDefaults: (draft) => {
    setDefault(ensureFields(draft, 'spec'), 'replicas', 1);
    applyPodSpecDefaults(ensureFields(draft, 'spec', 'template', 'spec'));
  },
  fieldLabels: (object) => ({ 'status.replicas': `${numberAt(object, 'status', 'replicas') ?? 0}` }),
};

/** SetDefaults_Deployment of pkg/apis/apps/v1/defaults.go. */
const applyDeploymentDefaults = (draft: Draft): void => {
  const spec = ensureFields(draft, 'spec');
  setDefault(spec, 'replicas', 1);
  const strategy = ensureFields(spec, 'strategy');
  setDefault(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    const rolling = ensureFields(strategy, 'rollingUpdate');
    setDefault(rolling, 'maxUnavailable', '25%');
    setDefault(rolling, 'maxSurge', '25%');
  }
  setDefault(spec, 'revisionHistoryLimit', 10);
  setDefault(spec, 'progressDeadlineSeconds', 600);
  applyPodSpecDefaults(ensureFields(spec, 'template', 'spec'));
};

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
};
