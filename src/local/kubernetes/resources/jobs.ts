import { applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, fieldsAt, numberAt, objectsAt, setDefault, stringAt } from '../json.ts';
import { jobPrinter } from '../printers/jobs.ts';
import type { Draft } from '../types.ts';
import type { Resource } from './resource.ts';

export const jobs: Resource = {
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  singular: 'job',
  categories: ['all'],
  namespaced: true,
  struct: 'batch.Job',
  subresources: ['status'],
  countsGenerations: true,
  unconditionalUpdate: true,
  defaultPropagation: 'orphan',
  nameRule: 'subdomain',
  printer: jobPrinter,
  applyDefaults: (draft) => applyJobDefaults(draft),
  prepareForCreate: (draft) => {
    if (fieldsAt(draft, 'spec')['manualSelector'] !== true) generateSelector(draft);
    draft['status'] = {};
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
  },
  fieldLabels: (object) => ({ 'status.successful': `${numberAt(object, 'status', 'succeeded') ?? 0}` }),
};

/** SetDefaults_Job of pkg/apis/batch/v1/defaults.go. */
const applyJobDefaults = (draft: Draft): void => {
  const spec = ensureFields(draft, 'spec');
  if (spec['completions'] === undefined && spec['parallelism'] === undefined) spec['completions'] = 1;
  setDefault(spec, 'parallelism', 1);
  setDefault(spec, 'backoffLimit', spec['backoffLimitPerIndex'] === undefined ? 6 : 2 ** 31 - 1);
  setDefault(spec, 'completionMode', 'NonIndexed');
  setDefault(spec, 'suspend', false);
  setDefault(spec, 'podReplacementPolicy', spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed');
  setDefault(spec, 'manualSelector', false);
  for (const rule of objectsAt(spec, 'podFailurePolicy', 'rules')) {
    for (const pattern of objectsAt(rule, 'onPodConditions')) setDefault(pattern, 'status', 'True');
  }
  applyPodSpecDefaults(ensureFields(spec, 'template', 'spec'));
  // A Job without labels has those of its template, and goes on sharing them: see generateSelector.
  const templateLabels = fieldsAt(spec, 'template', 'metadata')['labels'];
  if (templateLabels !== undefined && draft.metadata['labels'] === undefined) draft.metadata['labels'] = templateLabels;
};

/** The labels by which a Job knows its pods: prefixed, and as they were before 1.27. */
const generateSelector = (draft: Draft): void => {
  const templateMeta = ensureFields(draft, 'spec', 'template', 'metadata');
  const before = templateMeta['labels'];
  const isShared = draft.metadata['labels'] === undefined || draft.metadata['labels'] === before;
  const uid = stringAt(draft.metadata, 'uid');
  const name = stringAt(draft.metadata, 'name');
  const labels: Record<string, unknown> = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
    ...fieldsAt(templateMeta, 'labels'),
  };
  templateMeta['labels'] = labels;
  if (isShared) draft.metadata['labels'] = { ...labels };
  const matchLabels = ensureFields(draft, 'spec', 'selector', 'matchLabels');
  matchLabels['batch.kubernetes.io/controller-uid'] ??= uid;
};
