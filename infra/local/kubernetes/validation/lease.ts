import { fieldsAt } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft } from '../types.ts';
import { checkNotNegative } from './check.ts';
import { invalidValue } from './faults.ts';

export function checkLease(faults: Faults, draft: Draft): void {
  const spec = fieldsAt(draft, 'spec');
  const duration = spec['leaseDurationSeconds'];
  if (typeof duration === 'number' && duration <= 0)
    faults.push(invalidValue('spec.leaseDurationSeconds', duration, 'must be greater than 0'));
  checkNotNegative(faults, 'spec.leaseTransitions', spec['leaseTransitions']);
}
