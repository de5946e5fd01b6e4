import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noBackoff, nextBackoff, remainingBackoffMs } from '../../../kubernetes/job/backoff.ts';
import { decide } from '../../../kubernetes/job/decide.ts';
import type { Decision } from '../../../kubernetes/job/decide.ts';
import { trackingFinalizer } from '../../../kubernetes/job/pod-views.ts';
import { listAt, objectsAt } from '../../../kubernetes/json.ts';
import type { Fields } from '../../../kubernetes/json.ts';
import type { KubeObject } from '../../../kubernetes/types.ts';

const now = new Date('2026-01-01T00:01:00Z');
const early = '2026-01-01T00:00:00Z';

interface PodOptions {
  readonly phase?: string;
  readonly isDeleted?: boolean;
  readonly isCounted?: boolean;
  readonly exitCode?: number;
  readonly restarts?: number;
  readonly conditions?: readonly Fields[];
  readonly isReady?: boolean;
  readonly node?: string;
}

let serial = 0;

function jobWith(spec: Fields = {}, status: Fields = { startTime: early }): KubeObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'n', uid: 'u', resourceVersion: '1', creationTimestamp: early },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      podReplacementPolicy: 'TerminatingOrFailed',
      template: { spec: { restartPolicy: 'Never' } },
      ...spec,
    },
    status,
  };
}

function podWith({
  phase = 'Running',
  isDeleted,
  isCounted,
  exitCode,
  restarts = 0,
  conditions = [],
  isReady,
  node,
}: PodOptions): KubeObject {
  serial += 1;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `p${serial}`,
      namespace: 'n',
      uid: `p${serial}`,
      resourceVersion: '1',
      creationTimestamp: early,
      ...(isDeleted === true && { deletionTimestamp: early }),
      ...(isCounted !== true && { finalizers: [trackingFinalizer] }),
    },
    spec: { ...(node !== undefined && { nodeName: node }) },
    status: {
      phase,
      conditions: [...conditions, ...(isReady === true ? [{ type: 'Ready', status: 'True' }] : [])],
      containerStatuses: [
        {
          name: 'c',
          restartCount: restarts,
          ...(exitCode !== undefined && { state: { terminated: { exitCode, finishedAt: early } } }),
        },
      ],
    },
  };
}

function conditions(decision: Decision): readonly string[] {
  return objectsAt(decision.status, 'conditions').map(
    (each) => `${String(each['type'])}=${String(each['status'])} ${String(each['reason'])}`,
  );
}

function decideFor(job: KubeObject, ...pods: readonly KubeObject[]): Decision {
  return decide(job, pods, { now, backoff: noBackoff, backoffBaseMs: 1_000 });
}

function events(decision: Decision): readonly string[] {
  return decision.events.map(({ reason }) => reason);
}

function succeeded(): KubeObject {
  return podWith({ phase: 'Succeeded', exitCode: 0 });
}

function failed(exitCode = 1): KubeObject {
  return podWith({ phase: 'Failed', exitCode });
}

describe('a Job', () => {
  test('that is new starts a pod and its clock', () => {
    const decision = decideFor(jobWith({}, {}));
    expect(decision.plan.create).toBe(1);
    expect(decision.status).toMatchObject({ active: 1, ready: 0, startTime: '2026-01-01T00:01:00Z' });
  });

  test('whose pod runs waits for it', () => {
    const decision = decideFor(jobWith(), podWith({ isReady: true }));
    expect(decision.plan).toMatchObject({ create: 0, remove: [] });
    expect(decision.status).toMatchObject({ active: 1, ready: 1 });
  });

  test('whose pod succeeded is complete, and lets the pod go', () => {
    const pod = succeeded();
    const decision = decideFor(jobWith(), pod);
    expect(conditions(decision)).toEqual([
      'SuccessCriteriaMet=True CompletionsReached',
      'Complete=True CompletionsReached',
    ]);
    expect(decision.status).toMatchObject({ succeeded: 1, completionTime: '2026-01-01T00:01:00Z' });
    expect(decision.release).toEqual([pod]);
    expect(events(decision)).toEqual(['Completed']);
  });

  test('counts no pod twice', () => {
    const decision = decideFor(
      jobWith({ completions: 2 }, { startTime: early, succeeded: 1 }),
      podWith({ phase: 'Succeeded', isCounted: true }),
    );
    expect(decision.status).toMatchObject({ succeeded: 1 });
    expect(decision.plan.create).toBe(1);
  });

  test('never runs more pods than are wanted, nor than are still to be done', () => {
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), fc.nat(6), fc.nat(6), (parallelism, completions, done, running) => {
        const pods = [
          ...Array.from({ length: done }, succeeded),
          ...Array.from({ length: running }, () => podWith({})),
        ];
        const { plan } = decideFor(jobWith({ parallelism, completions }), ...pods);
        const after = running - plan.remove.length + plan.create;
        expect(after).toBeLessThanOrEqual(Math.max(0, Math.min(parallelism, completions - done)));
        expect(plan.create === 0 || plan.remove.length === 0).toBe(true);
      }),
    );
  });

  test('without completions is complete when one pod succeeded and the others have ended', () => {
    const job = jobWith({ completions: undefined, parallelism: 2 });
    expect(conditions(decideFor(job, succeeded(), podWith({})))).toEqual([]);
    expect(conditions(decideFor(job, succeeded(), succeeded()))).toContain('Complete=True CompletionsReached');
  });
});

describe('a pod that failed', () => {
  test('is replaced after a pause', () => {
    const late = new Date('2026-01-01T00:00:00.400Z');
    const decision = decide(jobWith(), [failed()], { now: late, backoff: noBackoff, backoffBaseMs: 1_000 });
    expect(decision.plan).toMatchObject({ create: 0, waitMs: 600 });
    expect(decision.lookAgainInMs).toBe(600);
    expect(decision.status).toMatchObject({ failed: 1, active: 0 });
  });

  test('once too often fails the Job, and ends what still runs', () => {
    const running = podWith({ node: 'local' });
    const decision = decideFor(jobWith({ backoffLimit: 0, parallelism: 2, completions: 2 }), failed(), running);
    expect(decision.plan.remove).toEqual([running]);
    // The final condition waits until that pod is gone.
    expect(conditions(decision)).toEqual(['FailureTarget=True BackoffLimitExceeded']);
    expect(decision.status).toMatchObject({ failed: 2, terminating: 1 });
    expect(events(decision)).toEqual([]);
  });

  test('and is the last one gone: the Job is Failed', () => {
    const job = jobWith(
      { backoffLimit: 0 },
      {
        startTime: early,
        failed: 1,
        conditions: [{ type: 'FailureTarget', status: 'True', reason: 'BackoffLimitExceeded', message: 'm' }],
      },
    );
    const decision = decideFor(job);
    expect(conditions(decision)).toContain('Failed=True BackoffLimitExceeded');
    expect(events(decision)).toEqual(['BackoffLimitExceeded']);
  });

  test.for([
    { action: 'Ignore', counts: 0, fails: false },
    { action: 'Count', counts: 1, fails: false },
    { action: 'FailJob', counts: 1, fails: true },
  ])('and matches a rule $action', ({ action, counts, fails }) => {
    const rules = [{ action, onExitCodes: { operator: 'In', values: [42] } }];
    const decision = decideFor(jobWith({ podReplacementPolicy: 'Failed', podFailurePolicy: { rules } }), failed(42));
    expect(decision.status['failed']).toBe(counts);
    expect(conditions(decision).some((each) => each.startsWith('Failed=True PodFailurePolicy'))).toBe(fails);
  });

  test('by disruption is ignored before its exit code is looked at', () => {
    const rules = [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [0] } },
    ];
    const pod = podWith({ phase: 'Failed', exitCode: 137, conditions: [{ type: 'DisruptionTarget', status: 'True' }] });
    const decision = decideFor(jobWith({ podFailurePolicy: { rules }, podReplacementPolicy: 'Failed' }), pod);
    expect(decision.status['failed']).toBe(0);
    expect(conditions(decision)).toEqual([]);
  });

  test('that restarts in place too often fails the Job as well', () => {
    const spec = { backoffLimit: 2, template: { spec: { restartPolicy: 'OnFailure' } } };
    expect(conditions(decideFor(jobWith(spec), podWith({ restarts: 1 })))).toEqual([]);
    expect(conditions(decideFor(jobWith(spec), podWith({ restarts: 2, node: 'n' })))).toEqual([
      'FailureTarget=True BackoffLimitExceeded',
    ]);
  });
});

describe('a pod that is being deleted', () => {
  test('counts as failed and is replaced at once, or only when it has ended, as podReplacementPolicy says', () => {
    const going = podWith({ isDeleted: true });
    expect(decideFor(jobWith(), going).status).toMatchObject({ failed: 1, terminating: 1 });
    const patient = decideFor(jobWith({ podReplacementPolicy: 'Failed' }), going);
    expect(patient.plan.create).toBe(0);
    expect(patient.status).toMatchObject({ failed: 0, terminating: 1 });
    expect(patient.release).toEqual([]);
  });
});

describe('suspend', () => {
  test('deletes pods without counting them, and says so once', () => {
    const pod = podWith({});
    const decision = decideFor(jobWith({ suspend: true }), pod);
    expect(decision.plan).toMatchObject({ remove: [pod], isSurplus: true });
    expect(conditions(decision)).toEqual(['Suspended=True JobSuspended']);
    expect(events(decision)).toEqual(['Suspended']);
    const again = decideFor(jobWith({ suspend: true }, decision.status));
    expect(events(again)).toEqual([]);
    expect(listAt(again.status, 'conditions')).toHaveLength(1);
  });

  test('taken back starts the clock anew', () => {
    const suspended = {
      startTime: early,
      conditions: [{ type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'm' }],
    };
    const decision = decideFor(jobWith({ suspend: false }, suspended));
    expect(conditions(decision)).toEqual(['Suspended=False JobResumed']);
    expect(events(decision)).toEqual(['Resumed']);
    expect(decision.status).toMatchObject({ startTime: '2026-01-01T00:01:00Z' });
    expect(decision.plan.create).toBe(1);
  });

  test('stops the clock of a deadline', () => {
    const decision = decideFor(jobWith({ suspend: true, activeDeadlineSeconds: 1 }));
    expect(conditions(decision)).toEqual(['Suspended=True JobSuspended']);
    expect(decision.lookAgainInMs).toBeUndefined();
  });
});

describe('activeDeadlineSeconds', () => {
  test('is looked at again when it is over', () => {
    expect(decideFor(jobWith({ activeDeadlineSeconds: 90 }), podWith({})).lookAgainInMs).toBe(30_000);
  });

  test('fails the Job when it is over', () => {
    expect(conditions(decideFor(jobWith({ activeDeadlineSeconds: 60 })))).toEqual([
      'FailureTarget=True DeadlineExceeded',
      'Failed=True DeadlineExceeded',
    ]);
  });
});

describe('the pause before a pod is replaced', () => {
  test('doubles with every failure, up to ten minutes', () => {
    function at(failures: number): number {
      return remainingBackoffMs({ failuresAfterLastSuccess: failures, lastFailureMs: 0 }, 1_000, 0);
    }
    expect([0, 1, 2, 3, 4, 20].map(at)).toEqual([0, 1_000, 2_000, 4_000, 8_000, 600_000]);
  });

  test('is forgiven by a later success', () => {
    const failure = podWith({ phase: 'Failed', exitCode: 1 });
    const before = nextBackoff(noBackoff, [], [failure]);
    expect(before.failuresAfterLastSuccess).toBe(1);
    expect(nextBackoff(before, [succeeded()], []).failuresAfterLastSuccess).toBe(0);
  });
});
