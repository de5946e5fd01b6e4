import { isDeepStrictEqual } from 'node:util';
import { applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, numberAt, setDefault, stringAt } from '../json.ts';
import { deploymentPrinter, replicaSetPrinter } from '../printers/others.ts';
import type { Draft } from '../types.ts';
import { checkNotNegative } from '../validation/check.ts';
import { checkDeployment, checkDeploymentStatus } from '../validation/deployment.ts';
import { labelFaults } from '../validation/names.ts';
import { checkCounts, checkSelectorUpdate, checkWorkload } from '../validation/workload.ts';
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
  warnings: (draft: Draft) => nameWarnings(stringAt(draft.metadata, 'name')),
} as const;

export const deployments: Resource = {
  ...workload,
  kind: 'Deployment',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  struct: 'apps.Deployment',
  printer: deploymentPrinter,
  applyDefaults: (draft) => applyDeploymentDefaults(draft),
  prepareForCreate: (draft) => {
    draft['status'] = {};
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
    // Annotations are copied to the ReplicaSet, so that the controller must observe their changes.
    if (!isDeepStrictEqual(draft.metadata['annotations'] ?? {}, old.metadata.annotations ?? {}))
      draft.metadata['generation'] = (old.metadata.generation ?? 0) + 1;
  },
  validate: (draft, faults) => checkDeployment(faults, draft),
  validateUpdate: (draft, old, faults) => checkSelectorUpdate(faults, draft, old),
  validateStatusUpdate: (draft, old, faults) => checkDeploymentStatus(faults, draft, old),
};

const replicaSetCounts = [
  'replicas',
  'fullyLabeledReplicas',
  'readyReplicas',
  'availableReplicas',
  'observedGeneration',
  'terminatingReplicas',
];

export const replicaSets: Resource = {
  ...workload,
  kind: 'ReplicaSet',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  struct: 'apps.ReplicaSet',
  printer: replicaSetPrinter,
  applyDefaults: (draft) => {
    setDefault(ensureFields(draft, 'spec'), 'replicas', 1);
    applyPodSpecDefaults(ensureFields(draft, 'spec', 'template', 'spec'));
  },
  prepareForCreate: (draft) => {
    draft['status'] = {};
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
  },
  validate: (draft, faults) => {
    checkNotNegative(faults, 'spec.minReadySeconds', numberAt(draft, 'spec', 'minReadySeconds'));
    checkWorkload(faults, draft);
  },
  validateUpdate: (draft, old, faults) => checkSelectorUpdate(faults, draft, old),
  validateStatusUpdate: (draft, _old, faults) =>
    checkCounts(faults, draft, replicaSetCounts, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']),
  fieldLabels: (object) => ({ 'status.replicas': `${numberAt(object, 'status', 'replicas') ?? 0}` }),
};

function nameWarnings(name: string): readonly string[] {
  const faults = name === '' ? [] : labelFaults(name);
  if (faults.length === 0) return [];
  const advice =
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended:';
  return [`${advice} [${faults.join(' ')}]`];
}

/** SetDefaults_Deployment of pkg/apis/apps/v1/defaults.go. */
function applyDeploymentDefaults(draft: Draft): void {
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
}
