import { get, merge, paths, post, remove, strategic } from '../step.ts';
import type { Scenario } from '../step.ts';

const { pods } = paths;

/** Pods after their creation: updates, status, binding, graceful deletion, logs. */
export const podUpdatesScenario: Scenario = {
  name: 'pod-updates',
  steps: [
    post(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }], nodeName: 'n' } }),
    ...[
      { spec: { containers: [{ name: 'c', image: 'z' }] } },
      { spec: { activeDeadlineSeconds: 5 } },
      { spec: { tolerations: null } },
      { metadata: { labels: { a: 'b' } } },
      { spec: { containers: [{ name: 'd', image: 'z' }] } },
    ].map((change) => strategic(`${pods}/p`, change)),
    // The message does not name the difference.
    ...[
      { spec: { restartPolicy: 'Never' } },
      { spec: { nodeName: 'm' } },
      { spec: { terminationGracePeriodSeconds: 1 } },
    ].map((change) => strategic(`${pods}/p`, change, { differs: 'the sentence has no diff' })),
    strategic(`${pods}/p/status`, {
      status: {
        phase: 'Running',
        podIP: '1.2.3.4',
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z' }],
      },
      spec: { nodeName: 'zz' },
      metadata: { labels: { q: 'r' } },
    }),
    strategic(`${pods}/p/status`, {
      status: {
        podIPs: [{ ip: '1.2.3.4' }],
        conditions: [
          { type: 'Ready', status: 'False' },
          { type: 'X', status: 'True' },
        ],
        containerStatuses: [
          {
            name: 'c',
            restartCount: 1,
            ready: true,
            image: 'i',
            imageID: 'x',
            state: { running: { startedAt: '2020-01-01T00:00:00Z' } },
          },
        ],
      },
    }),
    strategic(`${pods}/p/status`, { status: { phase: 'Foo' } }),
    post(`${pods}/p/binding`, { target: { kind: 'Node', name: 'x' } }),
    post(`${pods}/nope/binding`, { target: { kind: 'Node', name: 'x' } }),
    remove(`${pods}/p?dryRun=All`),
    remove(`${pods}/p`, { gracePeriodSeconds: 20 }),
    remove(`${pods}/p`, { gracePeriodSeconds: 60 }),
    remove(`${pods}/p`, { gracePeriodSeconds: 5 }),
    get(`${pods}/p`),
    remove(`${pods}/p`, { gracePeriodSeconds: 0 }),
    get(`${pods}/p`),
    post(pods, {
      metadata: { name: 'q', finalizers: ['example.com/x'] },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    }),
    remove(`${pods}/q`),
    merge(`${pods}/q`, { metadata: { finalizers: ['example.com/x', 'example.com/y'] } }, { ignore: ['causes.1'] }),
    remove(`${pods}/q`),
    merge(`${pods}/q`, { metadata: { finalizers: null } }),
    get(`${pods}/q`),
    post(pods, { metadata: { name: 'r' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
    post(`${pods}/r/binding`, { target: { kind: 'Node', name: '' } }),
    post(`${pods}/r/binding`, { metadata: { name: 'zz' }, target: { kind: 'Node', name: 'x' } }),
    post(`${pods}/r/binding`, { target: { kind: 'Foo', name: 'x' } }),
    post(`${pods}/r/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'r' },
      target: { apiVersion: 'v1', kind: 'Node', name: 'x' },
    }),
    get(`${pods}/r`),
    post(`${pods}/r/binding`, { target: { kind: 'Node', name: 'y' } }),
    get(`${pods}/r/log`),
    get(`${pods}/nope/log`),
    get(`${pods}/r/log?container=zz`),
    get(`${pods}/r/log?tailLines=-1`),
  ],
};
