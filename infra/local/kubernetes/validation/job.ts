import { isDeepStrictEqual } from 'node:util';
import { fieldsAt, isFields, listAt, numberAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { checkNotNegative, checkOneOf, checkSyntax } from './check.ts';
import { duplicate, immutable, invalidValue, notSupported, required } from './faults.ts';
import { checkMapSyntax } from './metadata.ts';
import { qualifiedNameFaults } from './names.ts';
import { checkPodSpec } from './pod-spec.ts';

/** ValidateJob of pkg/apis/batch/validation. */
export function checkJob(faults: Faults, draft: Draft): void {
  const spec = fieldsAt(draft, 'spec');
  checkGenerated(faults, draft);
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
  ]) {
    checkNotNegative(faults, `spec.${field}`, spec[field]);
  }
  checkOneOf(faults, 'spec.completionMode', spec['completionMode'], ['NonIndexed', 'Indexed']);
  checkMapSyntax(faults, 'spec.template', fieldsAt(spec, 'template', 'metadata'));
  checkPodSpec(faults, 'spec.template.spec', fieldsAt(spec, 'template', 'spec'));
  checkRestartPolicy(faults, spec);
  if (isFields(spec['podFailurePolicy'])) checkFailurePolicy(faults, spec);
  const policies = isFields(spec['podFailurePolicy']) ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  checkOneOf(faults, 'spec.podReplacementPolicy', spec['podReplacementPolicy'], policies);
}

/** The labels and the selector that the API server generates must be as it would generate them. */
function checkGenerated(faults: Faults, draft: Draft): void {
  const uid = stringAt(draft.metadata, 'uid');
  const name = stringAt(draft.metadata, 'name');
  const labels = stringsAt(draft, 'spec', 'template', 'metadata', 'labels');
  const wanted = {
    'controller-uid': uid,
    'batch.kubernetes.io/controller-uid': uid,
    'job-name': name,
    'batch.kubernetes.io/job-name': name,
  };
  for (const [label, value] of Object.entries(wanted)) {
    const path = `spec.template.metadata.labels[${label}]`;
    if (labels[label] === undefined) faults.push(required(path, `must be '${value}'`));
    else if (labels[label] !== value) faults.push(invalidValue(path, labels, `must be '${value}'`));
  }
  const selector = fieldsAt(draft, 'spec', 'selector');
  const expected = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  if (!isDeepStrictEqual(selector, expected))
    faults.push(invalidValue('spec.selector', selector, '`selector` not auto-generated'));
  const matches = Object.entries(stringsAt(selector, 'matchLabels')).every(([key, value]) => labels[key] === value);
  if (!matches)
    faults.push(invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
}

function checkRestartPolicy(faults: Faults, spec: Fields): void {
  const policy = stringAt(spec, 'template', 'spec', 'restartPolicy');
  const path = 'spec.template.spec.restartPolicy';
  if (policy === 'Always' || policy === '') faults.push(required(path, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    faults.push(notSupported(path, policy, ['OnFailure', 'Never']));
  else if (policy === 'OnFailure' && isFields(spec['podFailurePolicy'])) {
    faults.push(invalidValue(path, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

function checkFailurePolicy(faults: Faults, spec: Fields): void {
  const pod = fieldsAt(spec, 'template', 'spec');
  const names = [...objectsAt(pod, 'containers'), ...objectsAt(pod, 'initContainers')].map((container) =>
    stringAt(container, 'name'),
  );
  for (const [index, rule] of objectsAt(spec, 'podFailurePolicy', 'rules').entries()) {
    checkRule(faults, `spec.podFailurePolicy.rules[${index}]`, rule, names);
  }
}

function checkRule(faults: Faults, path: string, rule: Fields, containers: readonly string[]): void {
  const action = stringAt(rule, 'action');
  if (action === '') faults.push(required(`${path}.action`, 'valid values: "Count", "FailIndex", "FailJob", "Ignore"'));
  else if (action === 'FailIndex')
    faults.push(invalidValue(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'));
  else checkOneOf(faults, `${path}.action`, action, ['Count', 'FailIndex', 'FailJob', 'Ignore']);
  const codes = rule['onExitCodes'];
  const conditions = objectsAt(rule, 'onPodConditions');
  if (isFields(codes)) checkExitCodes(faults, `${path}.onExitCodes`, codes, containers);
  for (const [index, pattern] of conditions.entries()) {
    const at = `${path}.onPodConditions[${index}]`;
    checkSyntax(faults, `${at}.type`, stringAt(pattern, 'type'), qualifiedNameFaults);
    checkOneOf(faults, `${at}.status`, stringAt(pattern, 'status'), ['False', 'True', 'Unknown']);
  }
  function bare(detail: string): void {
    return void faults.push({ reason: 'FieldValueInvalid', message: `Invalid value: ${detail}`, field: path });
  }
  if (isFields(codes) && conditions.length > 0)
    bare('specifying both OnExitCodes and OnPodConditions is not supported');
  if (!isFields(codes) && conditions.length === 0)
    bare('specifying one of OnExitCodes and OnPodConditions is required');
}

function checkExitCodes(faults: Faults, path: string, codes: Fields, containers: readonly string[]): void {
  const operator = stringAt(codes, 'operator');
  checkOneOf(faults, `${path}.operator`, operator, ['In', 'NotIn']);
  const name = codes['containerName'];
  if (typeof name === 'string' && !containers.includes(name)) {
    faults.push(
      invalidValue(
        `${path}.containerName`,
        name,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  }
  const values = listAt(codes, 'values').filter((value) => typeof value === 'number');
  if (values.length === 0) faults.push(invalidValue(`${path}.values`, values, 'at least one value is required'));
  for (const [index, value] of values.entries()) {
    if (values.indexOf(value) < index) faults.push(duplicate(`${path}.values[${index}]`, value));
    if (operator === 'In' && value === 0)
      faults.push(invalidValue(`${path}.values[${index}]`, value, 'must not be 0 for the In operator'));
  }
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? 0) <= value);
  if (!isOrdered) faults.push(invalidValue(`${path}.values`, values, 'must be ordered'));
}

/** ValidateJobUpdate: what a Job does is fixed at its creation; its retry settings are not. */
export function checkJobUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const spec = fieldsAt(draft, 'spec');
  const before = fieldsAt(old, 'spec');
  for (const field of ['completions', 'selector'] as const) checkUnchanged(faults, field, spec, before);
  if (!isDeepStrictEqual(comparableTemplate(spec, old), comparableTemplate(before, old, spec))) {
    faults.push(invalidValue('spec.template', spec['template'], immutable));
  }
  for (const field of ['completionMode', 'podFailurePolicy'] as const) checkUnchanged(faults, field, spec, before);
}

function checkUnchanged(faults: Faults, field: string, spec: Fields, before: Fields): void {
  if (!isDeepStrictEqual(spec[field], before[field]))
    faults.push(invalidValue(`spec.${field}`, spec[field], immutable));
}

/** Where the pods run may still be changed while the Job is suspended and has never started. */
function comparableTemplate(spec: Fields, old: KubeObject, replacement: Fields = spec): Fields {
  const template = fieldsAt(spec, 'template');
  const isOpen =
    fieldsAt(old, 'spec')['suspend'] === true &&
    stringAt(old, 'status', 'startTime') === '' &&
    (numberAt(old, 'status', 'active') ?? 0) === 0;
  if (!isOpen) return template;
  const other = fieldsAt(replacement, 'template');
  const { nodeSelector, tolerations, affinity, schedulingGates } = fieldsAt(other, 'spec');
  const { labels, annotations } = fieldsAt(other, 'metadata');
  return {
    metadata: { ...fieldsAt(template, 'metadata'), labels, annotations },
    spec: { ...fieldsAt(template, 'spec'), nodeSelector, tolerations, affinity, schedulingGates },
  };
}
