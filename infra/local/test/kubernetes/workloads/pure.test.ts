import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundsOf } from '../../../kubernetes/controllers/deployment/bounds.ts';
import { revisionAnnotations } from '../../../kubernetes/controllers/deployment/revisions.ts';
import { wantedReplicas } from '../../../kubernetes/controllers/deployment/rolling.ts';
import { isSameTemplate, templateHash } from '../../../kubernetes/controllers/deployment/template-hash.ts';
import { podsToDelete } from '../../../kubernetes/controllers/replica-set/pods-to-delete.ts';
import type { KubeObject } from '../../../kubernetes/types.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

function object(name: string, fields: Readonly<Record<string, unknown>>, annotations = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', annotations },
    ...fields,
  };
}

function rolling(replicas: number, maxSurge: unknown, maxUnavailable: unknown): KubeObject {
  return object('d', {
    spec: { replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } },
  });
}

describe('the bounds of a rolling update', () => {
  test.each([
    [4, '25%', '25%', { maxSurge: 1, maxUnavailable: 1 }],
    [1, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
    [3, '50%', '50%', { maxSurge: 2, maxUnavailable: 1 }],
    [3, 0, '1%', { maxSurge: 0, maxUnavailable: 1 }],
    [3, 2, 5, { maxSurge: 2, maxUnavailable: 3 }],
    [0, '25%', '25%', { maxSurge: 0, maxUnavailable: 0 }],
  ])('of %i pods with %j and %j', (replicas, maxSurge, maxUnavailable, bounds) => {
    expect(boundsOf(rolling(replicas, maxSurge, maxUnavailable))).toEqual(bounds);
  });

  test('the newest ReplicaSet never takes the pods above replicas + maxSurge, nor itself above replicas', () => {
    const count = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(count, count, count, count, (replicas, surge, present, old) => {
        const sets = [present, old].map((size, index) => object(`r${index}`, { spec: { replicas: size } }));
        fc.pre(present <= replicas);
        const wanted = wantedReplicas(rolling(replicas, surge, 1), sets, present);
        expect(wanted).toBeGreaterThanOrEqual(present);
        expect(wanted).toBeLessThanOrEqual(replicas);
        expect(wanted === present || wanted + old <= replicas + surge).toBe(true);
      }),
    );
  });
});

describe('template hashes', () => {
  test('differ by template and by collision, and are words of safe letters', () => {
    const hashes = [templateHash({ a: 1 }, undefined), templateHash({ a: 2 }, undefined), templateHash({ a: 1 }, 1)];
    expect(new Set(hashes).size).toBe(3);
    for (const hash of hashes) expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  });

  test('templates are the same but for the hash', () => {
    const labels = { a: 'b', 'pod-template-hash': 'x' };
    expect(isSameTemplate({ metadata: { labels: { a: 'b' } } }, { metadata: { labels } })).toBe(true);
    expect(isSameTemplate({ metadata: { labels: { a: 'c' } } }, { metadata: { labels } })).toBe(false);
  });
});

describe('revisions', () => {
  const revision = 'deployment.kubernetes.io/revision';
  const history = 'deployment.kubernetes.io/revision-history';

  test.each([
    [undefined, 3, { [revision]: '3' }],
    [{ [revision]: '3' }, 3, {}],
    [{ [revision]: '4' }, 3, {}],
    [{ [revision]: 'own' }, 3, {}],
    [{ [revision]: '1' }, 3, { [revision]: '3', [history]: '1' }],
    [{ [revision]: '3', [history]: '1' }, 5, { [revision]: '5', [history]: '1,3' }],
  ])('of %j as number %i', (annotations, number, expected) => {
    const set = annotations === undefined ? undefined : object('r', {}, annotations);
    expect(revisionAnnotations(set, number)).toEqual(expected);
  });
});

describe('which pods go first', () => {
  function pod(name: string, ready: boolean, more: object = {}, annotations = {}): KubeObject {
    return object(
      name,
      {
        spec: { nodeName: 'n' },
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2026-01-01T00:00:00Z' }],
        },
        ...more,
      },
      annotations,
    );
  }
  const cost = { 'controller.kubernetes.io/pod-deletion-cost': '-5' };
  const pods = [
    pod('cheap', true, {}, cost),
    pod('steady', true),
    pod('unready', false),
    pod('pending', false, { status: { phase: 'Pending' } }),
    pod('unbound', false, { spec: {}, status: { phase: 'Pending' } }),
  ];

  test('those that are missed least', () => {
    const order = podsToDelete(pods, pods, 4, nowMs).map(({ metadata }) => metadata.name);
    expect(order).toEqual(['unbound', 'pending', 'unready', 'cheap']);
  });

  test('as many as asked for, each once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), (count) => {
        expect(new Set(podsToDelete(pods, pods, count, nowMs)).size).toBe(count);
      }),
    );
  });
});
