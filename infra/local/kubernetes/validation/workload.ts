import { isDeepStrictEqual } from 'node:util';
import { fieldsAt, isFields, listAt, numberAt, objectsAt, stringAt, stringsAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { matcherOf } from '../selectors/label-selector.ts';
import type { LabelMatcher } from '../selectors/labels.ts';
import type { Draft, KubeObject } from '../types.ts';
import { checkNotNegative } from './check.ts';
import { forbiddenField, immutable, invalidValue, notSupported, required } from './faults.ts';
import { checkMapSyntax } from './metadata.ts';
import { checkPodSpec } from './pod-spec.ts';
import { checkLabelSelector } from './selector.ts';

/** What Deployments and ReplicaSets have in common: ValidateReplicaSetSpec of pkg/apis/apps/validation. */
export function checkWorkload(faults: Faults, draft: Draft): void {
  const spec = fieldsAt(draft, 'spec');
  checkNotNegative(faults, 'spec.replicas', spec['replicas']);
  const selector = isFields(spec['selector']) ? spec['selector'] : undefined;
  const before = faults.length;
  if (selector === undefined) faults.push(required('spec.selector'));
  else checkLabelSelector(faults, 'spec.selector', selector);
  const isReadable = faults.length === before;
  const terms = Object.keys(stringsAt(selector, 'matchLabels')).length + listAt(selector, 'matchExpressions').length;
  if (selector !== undefined && terms === 0)
    faults.push(invalidValue('spec.selector', selector, 'empty selector is invalid for deployment'));
  if (selector !== undefined && !isReadable) {
    faults.push(invalidValue('spec.selector', selector, 'invalid label selector'));
    return;
  }
  // An empty selector selects everything, a missing one nothing.
  const matches = selector === undefined ? () => false : matcherOf(selector);
  checkTemplate(faults, fieldsAt(spec, 'template'), matches);
}

function checkTemplate(faults: Faults, template: Fields, matches: LabelMatcher): void {
  const labels = stringsAt(template, 'metadata', 'labels');
  if (!matches(labels)) {
    const shown = Object.keys(labels).length === 0 ? null : labels;
    faults.push(invalidValue('spec.template.metadata.labels', shown, '`selector` does not match template `labels`'));
  }
  checkMapSyntax(faults, 'spec.template', fieldsAt(template, 'metadata'));
  const spec = fieldsAt(template, 'spec');
  checkPodSpec(faults, 'spec.template.spec', spec);
  if (objectsAt(spec, 'ephemeralContainers').length > 0) {
    faults.push(
      forbiddenField('spec.template.spec.ephemeralContainers', 'ephemeral containers not allowed in pod template'),
    );
  }
  const policy = stringAt(spec, 'restartPolicy');
  if (policy !== 'Always') faults.push(notSupported('spec.template.spec.restartPolicy', policy, ['Always']));
  if (spec['activeDeadlineSeconds'] !== undefined) {
    const path = 'spec.template.spec.activeDeadlineSeconds';
    faults.push(forbiddenField(path, 'activeDeadlineSeconds in ReplicaSet is not Supported'));
  }
}

/** The selector is fixed at the creation. */
export function checkSelectorUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const now = fieldsAt(draft, 'spec')['selector'];
  if (!isDeepStrictEqual(now, fieldsAt(old, 'spec')['selector']))
    faults.push(invalidValue('spec.selector', now, immutable));
}

/** Counts of a status: none is negative, and no part exceeds the total. */
export function checkCounts(
  faults: Faults,
  draft: Draft,
  fields: readonly string[],
  partsOfReplicas: readonly string[],
): void {
  const status = fieldsAt(draft, 'status');
  function count(field: string): number {
    return numberAt(status, field) ?? 0;
  }
  for (const field of fields) checkNotNegative(faults, `status.${field}`, status[field]);
  for (const field of partsOfReplicas) {
    if (count(field) > count('replicas'))
      faults.push(invalidValue(`status.${field}`, count(field), 'cannot be greater than status.replicas'));
  }
  if (count('availableReplicas') > count('readyReplicas')) {
    const value = count('availableReplicas');
    faults.push(invalidValue('status.availableReplicas', value, 'cannot be greater than readyReplicas'));
  }
}
