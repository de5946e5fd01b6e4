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
export const admitPod = (draft: Draft): void => {
  const spec = ensureFields(draft, 'spec');
  const pods = { group: '', plural: 'pods', kind: 'Pod' };
  const name = stringAt(draft.metadata, 'name') || stringAt(draft.metadata, 'generateName');
  const priorityClass = stringAt(spec, 'priorityClassName');
  const priority = priorityClass === '' ? 0 : priorities[priorityClass];
  if (priority === undefined) throw forbidden(pods, name, `no PriorityClass with name ${priorityClass} was found`);
  const runtimeClass = stringAt(spec, 'runtimeClassName');
  if (runtimeClass !== '') throw forbidden(pods, name, `pod rejected: RuntimeClass "${runtimeClass}" not found`);
  spec['priority'] = priority;
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
  addDefaultTolerations(draft);
};

const addDefaultTolerations = (draft: Draft): void => {
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
};
