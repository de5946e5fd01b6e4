import { ensureFields, objectsAt, stringAt } from '../json.ts';
import { forbidden } from '../status.ts';
import type { Draft } from '../types.ts';

/** The classes every cluster has; there is no PriorityClass kind here, so there are no others. */
const priorities: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
};

/**
 * What the admission plugins that are on by default do to a new pod: Priority, DefaultTolerationSeconds, RuntimeClass.
 * Throws 403 for a priority class or runtime class that does not exist.
 */
export function admitPod(draft: Draft): void {
  const spec = ensureFields(draft, 'spec');
  const pods = { group: '', plural: 'pods', kind: 'Pod' };
  const name = stringAt(draft.metadata, 'name') || stringAt(draft.metadata, 'generateName');
  const priorityClass = stringAt(spec, 'priorityClassName');
  const priority = priorityClass === '' ? 0 : priorities[priorityClass];
  if (priority === undefined) throw forbidden(pods, name, `no PriorityClass with name ${priorityClass} was found`);
  const runtimeClass = stringAt(spec, 'runtimeClassName');
  if (runtimeClass !== '') throw forbidden(pods, name, `pod rejected: RuntimeClass "${runtimeClass}" not found`);
  const asked = spec['priority'];
  if (asked !== undefined && asked !== priority) {
    throw forbidden(
      pods,
      name,
      `the integer value of priority (${JSON.stringify(asked)}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  }
  const preemption = spec['preemptionPolicy'];
  if (preemption !== undefined && preemption !== 'PreemptLowerPriority') {
    throw forbidden(
      pods,
      name,
      `the string value of PreemptionPolicy (${typeof preemption === 'string' ? preemption : ''}) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name`,
    );
  }
  if (spec['overhead'] !== undefined) {
    throw forbidden(pods, name, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
  }
  spec['priority'] = priority;
  spec['preemptionPolicy'] = 'PreemptLowerPriority';
  addDefaultTolerations(draft);
}

/** DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready or unreachable. */
export function addDefaultTolerations(draft: Draft): void {
  const spec = ensureFields(draft, 'spec');
  const tolerations = [...objectsAt(spec, 'tolerations')];
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerates = tolerations.some(
      (each) =>
        (stringAt(each, 'key') === key || stringAt(each, 'key') === '') &&
        (stringAt(each, 'effect') === 'NoExecute' || stringAt(each, 'effect') === ''),
    );
    if (!tolerates) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
  spec['tolerations'] = tolerations;
}
