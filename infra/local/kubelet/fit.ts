import { parseQuantity } from './quantity.ts';
import type { Container, Pod } from './types.ts';

/** The resources of the node by name, and its labels. */
export interface NodeOffer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
}

export type Fit = { readonly kind: 'fits' } | { readonly kind: 'unschedulable'; readonly message: string };

type Terms = NonNullable<
  NonNullable<
    NonNullable<NonNullable<Pod['spec']['affinity']>['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
  >['nodeSelectorTerms']
>;
type Requirement = NonNullable<Terms[number]['matchExpressions']>[number];

/**
 * Whether the pod fits the node, with the scheduler's message. A request is compared with the whole node: processes share the machine, nothing
 * is reserved for them, so pods never wait for one another.
 */
export function fitPod(pod: Pod, node: NodeOffer): Fit {
  function refuse(why: string, preemption: string): Fit {
    return {
      kind: 'unschedulable',
      message: `0/1 nodes are available: ${why}. preemption: 0/1 nodes are available: 1 ${preemption}.`,
    };
  }
  const feature = unsupported(pod);
  if (feature !== null)
    return refuse(
      `1 node(s) cannot evaluate ${feature} (a node of local processes)`,
      'Preemption is not helpful for scheduling',
    );
  if (!matchesNode(pod, node)) {
    return refuse(`1 node(s) didn't match Pod's node affinity/selector`, 'Preemption is not helpful for scheduling');
  }
  const names = lacking(pod, node);
  if (names.length === 0) return { kind: 'fits' };
  return refuse(
    names.map((name) => `1 Insufficient ${name}`).join(', '),
    'No preemption victims found for incoming pod',
  );
}

/** Scheduler rules that have no meaning on a single node of processes. A pod that depends on one is not bound, and its condition says why. */
function unsupported(pod: Pod): string | null {
  if (pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length) return 'podAffinity';
  if (pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length)
    return 'podAntiAffinity';
  if (pod.spec.resourceClaims?.length) return 'resourceClaims';
  return null;
}

function matchesNode(pod: Pod, node: NodeOffer): boolean {
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  if (!selector.every(([key, value]) => node.labels[key] === value)) return false;
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (required === undefined) return true;
  return required.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const fields = { 'metadata.name': node.name };
    return (
      matchExpressions.every((item) => meets(item, node.labels)) && matchFields.every((item) => meets(item, fields))
    );
  });
}

function meets({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = labels[key];
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  if (value === undefined) return false;
  if (operator === 'In') return values.includes(value);
  if (operator === 'Gt') return Number(value) > Number(values[0]);
  return operator === 'Lt' && Number(value) < Number(values[0]);
}

function lacking(pod: Pod, node: NodeOffer): string[] {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const names = new Set(all.flatMap(({ resources }) => Object.keys({ ...resources?.requests, ...resources?.limits })));
  return [...names].toSorted().filter((name) => requestOf(pod, name) > parseQuantity(node.allocatable[name] ?? '0'));
}

/** What the scheduler reckons a pod asks for: the sum of its containers, or its greediest init container if that is more. */
function requestOf(pod: Pod, resource: string): number {
  const main = requestsOf(pod.spec.containers, resource).reduce((sum, value) => sum + value, 0);
  const overhead = parseQuantity(pod.spec.overhead?.[resource] ?? '0');
  return Math.max(main, ...requestsOf(pod.spec.initContainers ?? [], resource)) + overhead;
}

function requestsOf(containers: readonly Container[], resource: string): number[] {
  return containers.map(({ resources }) =>
    parseQuantity(resources?.requests?.[resource] ?? resources?.limits?.[resource] ?? '0'),
  );
}
