import { describe, expect, test } from 'vitest';
import type { ContainerView } from '../../kubelet/container-status.ts';
import { buildPodStatus, computePhase } from '../../kubelet/pod-status.ts';
import type { PodStatusInput } from '../../kubelet/pod-status.ts';
import type { Pod } from '../../kubelet/types.ts';

const STATES = {
  waiting: { state: { kind: 'waiting', reason: 'ContainerCreating' }, last: null },
  crashing: { state: { kind: 'waiting', reason: 'CrashLoopBackOff' }, last: ended(1) },
  running: { state: { kind: 'running', startedAtMs: 0 }, last: null },
  zero: { state: ended(0), last: null },
  one: { state: ended(1), last: null },
} as const satisfies Record<string, Pick<ContainerView, 'state' | 'last'>>;

function buildPod(restartPolicy: string, status: Pod['status'] = {}): Pod {
  return {
    metadata: { name: 'p', namespace: 'n', uid: 'u' },
    spec: { restartPolicy, containers: [{ name: 'a' }] },
    status,
  };
}

function ended(exitCode: number): ContainerView['state'] & { kind: 'terminated' } {
  return {
    kind: 'terminated',
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAtMs: 0,
    finishedAtMs: 1000,
    containerId: 'process://x',
  };
}

function view(kind: keyof typeof STATES, ready = false): ContainerView {
  return {
    name: kind,
    image: 'i',
    imageId: '',
    containerId: '',
    restartCount: 0,
    ready,
    started: ready,
    ...STATES[kind],
  };
}

describe('the phase', () => {
  // restartPolicy, init containers, containers -> phase; as the kubelet's getPhase.
  test.each([
    ['Never', [], ['waiting'], 'Pending'],
    ['Never', [], ['running', 'waiting'], 'Pending'],
    ['Never', [], ['running', 'one'], 'Running'],
    ['Never', [], ['zero', 'zero'], 'Succeeded'],
    ['Never', [], ['zero', 'one'], 'Failed'],
    ['OnFailure', [], ['zero', 'one'], 'Running'],
    ['OnFailure', [], ['zero', 'crashing'], 'Running'],
    ['OnFailure', [], ['zero'], 'Succeeded'],
    ['Always', [], ['zero'], 'Running'],
    ['Always', [], ['crashing'], 'Running'],
    ['Never', ['running'], ['waiting'], 'Pending'],
    ['Never', ['zero', 'waiting'], ['waiting'], 'Pending'],
    ['Never', ['one'], ['waiting'], 'Failed'],
    ['OnFailure', ['crashing'], ['waiting'], 'Pending'],
    ['Always', ['zero'], ['running'], 'Running'],
  ] as const)('%s, init %j, containers %j: %s', (restartPolicy, init, main, phase) => {
    const input = {
      pod: buildPod(restartPolicy),
      init: init.map((kind) => view(kind)),
      main: main.map((kind) => view(kind)),
      end: null,
    };
    expect(computePhase(input)).toBe(phase);
  });

  test.each([
    [['zero'], {}, 'Succeeded'],
    [['zero', 'one'], {}, 'Failed'],
    [['waiting'], {}, 'Failed'],
    [['zero'], { phase: 'Failed' }, 'Failed'],
  ] as const)('of a pod that is stopped with containers %j is %j %s', (main, end, phase) => {
    expect(computePhase({ pod: buildPod('Always'), init: [], main: main.map((kind) => view(kind)), end })).toBe(phase);
  });
});

describe('the conditions', () => {
  function input(more: Partial<PodStatusInput> = {}): PodStatusInput {
    return {
      pod: buildPod('Always'),
      init: [],
      main: [view('running', true)],
      sandbox: true,
      podIP: '10.1.0.7',
      startedAtMs: 0,
      nowMs: 60_000,
      end: null,
      previous: [],
      ...more,
    };
  }
  function find(given: PodStatusInput, type: string) {
    return buildPodStatus(given).conditions?.find((item) => item.type === type);
  }

  test('keep their transition time while their status stays', () => {
    const previous = buildPodStatus(input({ nowMs: 1000 })).conditions ?? [];
    const main = [view('running', false)];
    expect(find(input({ previous, main }), 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:01:00Z');
    expect(find(input({ previous, main }), 'Initialized')?.lastTransitionTime).toBe('1970-01-01T00:00:01Z');
  });

  test('of others are kept', () => {
    const pod = buildPod('Always', { conditions: [{ type: 'example.com/gate', status: 'True' }] });
    expect(find(input({ pod }), 'example.com/gate')).toEqual({ type: 'example.com/gate', status: 'True' });
  });

  test('name what is not ready, not initialised, not given', () => {
    const gated = {
      ...buildPod('Always'),
      spec: { ...buildPod('Always').spec, readinessGates: [{ conditionType: 'example.com/gate' }] },
    };
    expect(find(input({ main: [view('waiting'), view('running', true)] }), 'ContainersReady')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [waiting]',
    });
    expect(find(input({ init: [view('zero'), view('running')] }), 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [running]',
    });
    expect(find(input({ pod: gated }), 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
  });
});
