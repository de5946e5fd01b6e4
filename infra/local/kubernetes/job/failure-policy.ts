import { listAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';

export interface PolicyVerdict {
  /** Whether the failure counts towards backoffLimit. */
  readonly counts: boolean;
  /** Why the whole Job fails, if it does. */
  readonly failJob?: string;
}

/** Applies the first rule of `spec.podFailurePolicy` that matches a failed pod; without one, the failure counts. */
export function matchFailurePolicy(policy: Fields | undefined, pod: KubeObject): PolicyVerdict {
  for (const [index, rule] of objectsAt(policy, 'rules').entries()) {
    const matched = matchRule(rule, pod);
    if (matched === undefined) continue;
    const action = stringAt(rule, 'action');
    if (action === 'Ignore') return { counts: false };
    if (action === 'FailJob') return { counts: true, failJob: `${matched} matching FailJob rule at index ${index}` };
    return { counts: true };
  }
  return { counts: true };
}

/** What of the pod the rule matches, in the words of the controller. */
function matchRule(rule: Fields, pod: KubeObject): string | undefined {
  const { namespace, name } = pod.metadata;
  const codes = rule['onExitCodes'];
  if (codes !== undefined) {
    const container = matchExitCodes(codes, pod);
    if (container === undefined) return undefined;
    const code = numberAt(container, 'state', 'terminated', 'exitCode') ?? 0;
    return `Container ${stringAt(container, 'name')} for pod ${namespace}/${name} failed with exit code ${code}`;
  }
  const patterns = objectsAt(rule, 'onPodConditions');
  const condition = objectsAt(pod, 'status', 'conditions').find((each) =>
    patterns.some((pattern) => pattern['type'] === each['type'] && pattern['status'] === each['status']),
  );
  return condition && `Pod ${namespace}/${name} has condition ${stringAt(condition, 'type')}`;
}

function matchExitCodes(requirement: unknown, pod: KubeObject): Fields | undefined {
  const wanted = stringAt(requirement, 'containerName');
  const values = listAt(requirement, 'values');
  const isIn = stringAt(requirement, 'operator') === 'In';
  const statuses = [
    ...objectsAt(pod, 'status', 'containerStatuses'),
    ...objectsAt(pod, 'status', 'initContainerStatuses'),
  ];
  return statuses.find((status) => {
    if (wanted !== '' && stringAt(status, 'name') !== wanted) return false;
    const code = numberAt(status, 'state', 'terminated', 'exitCode');
    return code !== undefined && code !== 0 && values.includes(code) === isIn;
  });
}
