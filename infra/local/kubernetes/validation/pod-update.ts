import { isDeepStrictEqual } from 'node:util';
import { fieldsAt, numberAt, objectsAt, omit } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import type { Draft, KubeObject } from '../types.ts';
import { forbiddenField, invalidValue } from './faults.ts';

const mutable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** ValidatePodUpdate: almost nothing of a pod's spec may change. */
export function checkPodUpdate(faults: Faults, draft: Draft, old: KubeObject): void {
  const spec = fieldsAt(draft, 'spec');
  const before = fieldsAt(old, 'spec');
  for (const list of ['containers', 'initContainers']) {
    if (objectsAt(spec, list).length === objectsAt(before, list).length) continue;
    faults.push(forbiddenField(`spec.${list}`, 'pod updates may not add or remove containers'));
    return;
  }
  checkDeadline(faults, spec, before);
  const kept = objectsAt(before, 'tolerations').every((toleration) =>
    objectsAt(spec, 'tolerations').some((each) => isDeepStrictEqual(each, toleration)),
  );
  if (!kept)
    faults.push(
      forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'),
    );
  if (!isDeepStrictEqual(fixed(spec), fixed(before))) faults.push(forbiddenField('spec', mutable));
}

function checkDeadline(faults: Faults, spec: Fields, before: Fields): void {
  const now = numberAt(spec, 'activeDeadlineSeconds');
  const was = numberAt(before, 'activeDeadlineSeconds');
  if (was === undefined) return;
  if (now === undefined)
    faults.push(
      invalidValue('spec.activeDeadlineSeconds', now, 'must not update from a positive integer to nil value'),
    );
  else if (now > was)
    faults.push(invalidValue('spec.activeDeadlineSeconds', now, 'must be less than or equal to previous value'));
}

function fixed(spec: Fields): Fields {
  function withoutImages(list: string): readonly Fields[] {
    return objectsAt(spec, list).map((container) => omit(container, 'image'));
  }
  return {
    ...omit(spec, 'activeDeadlineSeconds', 'tolerations'),
    containers: withoutImages('containers'),
    initContainers: withoutImages('initContainers'),
  };
}
