import { applyPodSpecDefaults } from '../defaults/pod-spec.ts';
import { ensureFields, fieldsAt, numberAt, objectsAt, setDefault, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { jobPrinter } from '../printers/jobs.ts';
import { notImplemented } from '../status.ts';
import type { Draft } from '../types.ts';
import type { Resource } from './resource.ts';
import { checkJob, checkJobUpdate } from '../validation/job.ts';

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
  warnings: (draft) => nameWarnings(stringAt(draft.metadata, 'name')),
  validate: (draft, faults) => checkJob(faults, draft),
  validateUpdate: (draft, old, faults) => checkJobUpdate(faults, draft, old),
  applyDefaults: (draft) => applyJobDefaults(draft),
  prepareForCreate: (draft) => {
    refuseUnsupported(fieldsAt(draft, 'spec'));
    generateSelector(draft);
    draft['status'] = {};
  },
  canonicalize: (draft) => {
    if (draft.metadata['labels'] !== undefined) return;
    draft.metadata['labels'] = { ...fieldsAt(draft, 'spec', 'template', 'metadata', 'labels') };
  },
  prepareForUpdate: (draft, old) => {
    draft['status'] = old['status'];
  },
  fieldLabels: (object) => ({ 'status.successful': `${numberAt(object, 'status', 'succeeded') ?? 0}` }),
};

/** Features that this Job controller does not support are refused at once. */
function refuseUnsupported(spec: Fields): void {
  if (spec['completionMode'] === 'Indexed') throw notImplemented('Jobs of completionMode Indexed');
  if (spec['manualSelector'] === true) throw notImplemented('Jobs with manualSelector');
  for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes', 'successPolicy', 'managedBy']) {
    if (spec[field] !== undefined) throw notImplemented(`spec.${field} of Jobs`);
  }
}

/** SetDefaults_Job of pkg/apis/batch/v1/defaults.go. */
function applyJobDefaults(draft: Draft): void {
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
  // A Job without labels gets those of its template and shares them: see generateSelector.
  const templateLabels = fieldsAt(spec, 'template', 'metadata')['labels'];
  if (templateLabels !== undefined && draft.metadata['labels'] === undefined) draft.metadata['labels'] = templateLabels;
}

/** The labels by which a Job knows its pods: prefixed, and as they were before 1.27. */
function generateSelector(draft: Draft): void {
  const templateMeta = ensureFields(draft, 'spec', 'template', 'metadata');
  const before = templateMeta['labels'];
  const isShared = draft.metadata['labels'] !== undefined && draft.metadata['labels'] === before;
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
}

function nameWarnings(name: string): readonly string[] {
  return name.includes('.')
    ? [
        'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]',
      ]
    : [];
}
