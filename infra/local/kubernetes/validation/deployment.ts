import { fieldsAt, isFields, numberAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { checkNotNegative } from './check.ts';
import { forbiddenField, invalidValue, notSupported } from './faults.ts';
import { checkCounts, checkWorkload } from './workload.ts';

const path = 'spec.strategy.rollingUpdate';
const percentFault =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

const counts = [
  'observedGeneration',
  'replicas',
  'updatedReplicas',
  'readyReplicas',
  'availableReplicas',
  'unavailableReplicas',
  'terminatingReplicas',
  'collisionCount',
];

/** ValidateDeployment of pkg/apis/apps/validation. */
export function checkDeployment(faults: Faults, draft: Draft): void {
  const spec = fieldsAt(draft, 'spec');
  checkWorkload(faults, draft);
  checkStrategy(faults, fieldsAt(spec, 'strategy'));
  for (const field of ['minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'])
    checkNotNegative(faults, `spec.${field}`, spec[field]);
  const deadline = numberAt(spec, 'progressDeadlineSeconds');
  if (deadline !== undefined && deadline <= (numberAt(spec, 'minReadySeconds') ?? 0)) {
    faults.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  }
}

function checkStrategy(faults: Faults, strategy: Fields): void {
  const type = stringAt(strategy, 'type');
  const rolling = strategy['rollingUpdate'];
  if (type === 'Recreate') {
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    if (rolling !== undefined) faults.push(forbiddenField('spec.strategy.rollingUpdate', detail));
  } else if (type === 'RollingUpdate') {
    if (isFields(rolling)) checkRolling(faults, rolling);
  } else {
    // Go's names of the fields: the API server shows its own struct here.
    const shown = { Type: type, RollingUpdate: rolling ?? null };
    faults.push(notSupported('spec.strategy', shown, ['Recreate', 'RollingUpdate']));
  }
}

function checkRolling(faults: Faults, rolling: Fields): void {
  for (const field of ['maxUnavailable', 'maxSurge']) {
    const value = rolling[field];
    if (typeof value === 'string' && !/^[0-9]+%$/.test(value))
      faults.push(invalidValue(`${path}.${field}`, value, percentFault));
    checkNotNegative(faults, `${path}.${field}`, value);
  }
  if (amountOf(rolling['maxUnavailable']) === 0 && amountOf(rolling['maxSurge']) === 0) {
    const value = rolling['maxUnavailable'];
    faults.push(invalidValue(`${path}.maxUnavailable`, value, 'may not be 0 when `maxSurge` is 0'));
  }
  const unavailable = rolling['maxUnavailable'];
  if (typeof unavailable === 'string' && amountOf(unavailable) > 100)
    faults.push(invalidValue(`${path}.maxUnavailable`, unavailable, 'must not be greater than 100%'));
}

/** The number, or the percentage; 0 for anything else. */
function amountOf(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : 0;
}

export function checkDeploymentStatus(faults: Faults, draft: Draft, old: KubeObject): void {
  checkCounts(faults, draft, counts, ['updatedReplicas', 'readyReplicas', 'availableReplicas']);
  const before = numberAt(old, 'status', 'collisionCount');
  const now = numberAt(draft, 'status', 'collisionCount');
  if (before !== undefined && (now === undefined || now < before))
    faults.push(invalidValue('status.collisionCount', now ?? 0, 'cannot be decremented'));
}
