import { isFields, listAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { checkId, checkOneOf, checkRequired } from './check.ts';
import { invalidValue, required } from './faults.ts';

/** A container's securityContext. */
export function checkContainerSecurity(faults: Faults, path: string, context: unknown): void {
  if (!isFields(context)) return;
  for (const field of ['runAsUser', 'runAsGroup']) checkId(faults, `${path}.${field}`, context[field]);
  checkOneOf(faults, `${path}.procMount`, context['procMount'], ['Default', 'Unmasked']);
  checkSeccomp(faults, path, context);
  if (context['allowPrivilegeEscalation'] === false) {
    if (context['privileged'] === true) {
      faults.push(
        invalidValue(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'),
      );
    }
    if (listAt(context, 'capabilities', 'add').includes('CAP_SYS_ADMIN')) {
      faults.push(
        invalidValue(
          path,
          context,
          'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
        ),
      );
    }
  }
}

function checkSeccomp(faults: Faults, path: string, context: Fields): void {
  const profile = context['seccompProfile'];
  if (!isFields(profile)) return;
  const type = stringAt(profile, 'type');
  const local = stringAt(profile, 'localhostProfile');
  if (type === 'Localhost') {
    if (local === '')
      faults.push(required(`${path}.seccompProfile.localhostProfile`, 'must be set when seccomp type is Localhost'));
    return;
  }
  checkOneOf(faults, `${path}.seccompProfile.type`, type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  if (local !== '')
    faults.push(
      invalidValue(`${path}.seccompProfile.localhostProfile`, local, 'can only be set when seccomp type is Localhost'),
    );
}

/** A pod's securityContext. */
export function checkPodSecurity(faults: Faults, path: string, context: unknown): void {
  if (!isFields(context)) return;
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup']) checkId(faults, `${path}.${field}`, context[field]);
  for (const [index, group] of listAt(context, 'supplementalGroups').entries())
    checkId(faults, `${path}.supplementalGroups[${index}]`, group);
  for (const [index, sysctl] of objectsAt(context, 'sysctls').entries())
    checkRequired(faults, `${path}.sysctls[${index}].name`, sysctl['name']);
  checkOneOf(faults, `${path}.fsGroupChangePolicy`, context['fsGroupChangePolicy'], ['Always', 'OnRootMismatch']);
  checkSeccomp(faults, path, context);
}
