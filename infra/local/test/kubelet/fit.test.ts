import { describe, expect, test } from 'vitest';
import { fitPod } from '../../kubelet/fit.ts';
import type { Pod } from '../../kubelet/types.ts';

const node = {
  name: 'local',
  labels: { 'kubernetes.io/hostname': 'local', 'kubernetes.io/os': 'linux', cores: '4' },
  allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
};

const antiAffinity = {
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }] },
};

function buildPod(spec: Partial<Pod['spec']>): Pod {
  return {
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: { containers: [{ name: 'c' }], ...spec },
  };
}

function byExpression(key: string, operator: string, values?: string[]): Partial<Pod['spec']> {
  return {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values !== undefined && { values }) }] }],
        },
      },
    },
  };
}

function requests(...each: Record<string, string>[]): Partial<Pod['spec']> {
  return {
    containers: each.map((request, index) => ({ name: `c${index}`, resources: { requests: request } })),
  };
}

describe('a pod fits the node', () => {
  test.each<[string, Partial<Pod['spec']>]>([
    ['without wishes', {}],
    ['with labels of the node', { nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': 'local' } }],
    ['In', byExpression('kubernetes.io/os', 'In', ['windows', 'linux'])],
    ['NotIn', byExpression('kubernetes.io/os', 'NotIn', ['windows'])],
    ['Exists', byExpression('cores', 'Exists')],
    ['DoesNotExist', byExpression('gpu', 'DoesNotExist')],
    ['Gt', byExpression('cores', 'Gt', ['3'])],
    ['Lt', byExpression('cores', 'Lt', ['5'])],
    ['with all the node has', requests({ cpu: '3', memory: '4Gi' }, { cpu: '1000m', memory: '4Gi' })],
  ])('%s', (_, spec) => expect(fitPod(buildPod(spec), node)).toEqual({ kind: 'fits' }));
});

describe('a pod does not fit', () => {
  test.each<[string, Partial<Pod['spec']>, string]>([
    [
      'with a label the node lacks',
      { nodeSelector: { spot: 'true' } },
      `1 node(s) didn't match Pod's node affinity/selector. preemption`,
    ],
    ['In', byExpression('kubernetes.io/os', 'In', ['windows']), 'affinity/selector'],
    ['Exists', byExpression('gpu', 'Exists'), 'affinity/selector'],
    ['Gt', byExpression('cores', 'Gt', ['4']), 'affinity/selector'],
    ['an unknown operator', byExpression('cores', 'Near', ['4']), 'affinity/selector'],
    [
      'with more than the node has, in sum',
      requests({ cpu: '3' }, { cpu: '1001m' }),
      '1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims',
    ],
    [
      'with a resource the node has not',
      requests({ 'nvidia.com/gpu': '1', cpu: '9' }),
      '1 Insufficient cpu, 1 Insufficient nvidia.com/gpu.',
    ],
    [
      'with a greedy init container',
      { initContainers: [{ name: 'i', resources: { limits: { memory: '9Gi' } } }] },
      '1 Insufficient memory',
    ],
    ['with a rule about other pods', { affinity: antiAffinity }, 'cannot evaluate podAntiAffinity'],
  ])('%s', (_, spec, message) =>
    expect(fitPod(buildPod(spec), node)).toEqual({ kind: 'unschedulable', message: expect.stringContaining(message) }),
  );
});
