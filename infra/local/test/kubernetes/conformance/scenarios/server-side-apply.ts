import { apply, configMap, job, merge, paths, post, put } from '../step.ts';
import type { Scenario } from '../step.ts';

const { configMaps, services, jobs } = paths;

/** Server-side apply: owners, conflicts, force, what is dropped. */
export const serverSideApplyScenario: Scenario = {
  name: 'server-side-apply',
  steps: [
    ...[
      { by: 'A', data: { a: '1', b: '1' } },
      { by: 'A', data: { a: '1', b: '1' } },
      { by: 'B', data: { a: '2' } },
      { by: 'B&force=true', data: { a: '2' } },
      { by: 'A', data: {} },
      { by: 'A', data: { c: '1' } },
      { by: 'A' },
    ].map(({ by, data }) =>
      apply(`${configMaps}/s?fieldManager=${by}`, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 's' },
        ...(data !== undefined && { data }),
      }),
    ),
    apply(`${configMaps}/s`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 's' } }),
    apply(`${configMaps}/s?fieldManager=A`, { metadata: { name: 's' } }),
    apply(`${configMaps}/s?fieldManager=A`, { apiVersion: 'v1', metadata: { name: 's' } }),
    apply(`${configMaps}/s?fieldManager=A`, { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 's' } }),
    apply(`${configMaps}/s?fieldManager=A`, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } }),
    apply(`${configMaps}/s?fieldManager=A`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 't' } }),
    apply(`${configMaps}/s?fieldManager=A`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }),
    apply(`${configMaps}/s?fieldManager=A`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 's', managedFields: [] },
    }),
    apply(
      `${configMaps}/s?fieldManager=A`,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 's' },
        foo: 1,
        data: { a: 1 },
      },
      { differs: 'which of several errors is reported varies' },
    ),
    apply(`${configMaps}/s?fieldManager=A&fieldValidation=Strict`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 's' },
      foo: 1,
    }),
    apply(
      `${configMaps}/s?fieldManager=A&fieldValidation=Strict`,
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: s\ndata:\n  a: x\n  a: y\n',
    ),
    apply(
      `${configMaps}/s?fieldManager=A`,
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: s\ndata:\n  a: x\n  a: y\n',
    ),
    apply(`${configMaps}/s?fieldManager=A`, '{', { differs: 'the YAML reader is another one' }),
    apply(`${configMaps}/s?fieldManager=A`, '[]', { differs: 'the YAML reader is another one' }),
    apply(`${configMaps}/s?fieldManager=A`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 's', resourceVersion: '1' },
    }),
    apply(`${configMaps}/new?fieldManager=A`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'new', resourceVersion: '1' },
    }),
    apply(
      `${configMaps}/new?fieldManager=A`,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'new', uid: '1' },
      },
      { ignore: ['causes.1'] },
    ),
    apply(`${configMaps}/new?fieldManager=A&dryRun=All`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'new' },
    }),
    post(`${configMaps}?fieldManager=upd`, configMap('u', { a: '1', b: '2' }, { labels: { x: '1' } })),
    apply(`${configMaps}/u?fieldManager=A`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'u', labels: { x: '2' } },
      data: { a: '9', b: '2' },
    }),
    apply(`${configMaps}/u?fieldManager=A&force=true`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'u', labels: { x: '2' } },
      data: { a: '9', b: '2' },
    }),
    apply(`${configMaps}/u?fieldManager=A`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'u' } }),
    put(`${configMaps}/u?fieldManager=put`, configMap('u', { z: '1' })),
    merge(`${configMaps}/u`, { metadata: { managedFields: [{}] } }),
    apply(`${configMaps}/u?fieldManager=A`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'u' },
      data: { n: '1' },
    }),
    apply(
      `${jobs}/j?fieldManager=A`,
      job(
        'j',
        { suspend: true, backoffLimit: 0 },
        { volumes: [{ name: 'v', emptyDir: {} }], nodeSelector: { a: 'b' } },
        {
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
          resources: { limits: { cpu: '1000m' } },
          volumeMounts: [{ name: 'v', mountPath: '/x' }],
        },
      ),
      { ignore: ['status'] },
    ),
    apply(
      `${jobs}/j?fieldManager=A&dryRun=All`,
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name: 'j' },
        spec: {
          suspend: false,
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
        },
      },
      { differs: 'newer servers let a suspended Job change more, and name another field' },
    ),
    apply(`${jobs}/k?fieldManager=A`, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'k' },
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ image: 'i' }] } } },
    }),
    apply(
      `${jobs}/k?fieldManager=A`,
      job('k', { backofLimit: 3 }, {}, { env: [{ name: 'A' }, { name: 'A' }], imag: 'x' }),
      { differs: 'which of several errors is reported varies' },
    ),
    apply(`${jobs}/k?fieldManager=A`, job('k', { backoffLimit: 'x' }, {}, { ports: {} }), {
      differs: 'the value is not shown',
    }),
    apply(
      `${services}/s?fieldManager=A`,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's' },
        spec: {
          ports: [
            { port: 80, name: 'a' },
            { port: 81, name: 'b' },
          ],
          selector: { a: 'b' },
        },
      },
      { ignore: ['clusterIP'] },
    ),
    apply(
      `${services}/s?fieldManager=B`,
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 82, name: 'c' }] } },
      { ignore: ['clusterIP'] },
    ),
    apply(
      `${services}/s?fieldManager=A`,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's' },
        spec: { ports: [{ port: 81, name: 'b' }], selector: { c: 'd' } },
      },
      { ignore: ['clusterIP'] },
    ),
    apply(
      `${services}/s?fieldManager=B`,
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 's' },
        spec: { selector: { c: 'x' }, ports: [{ port: 81, name: 'q' }] },
      },
      { ignore: ['clusterIP'] },
    ),
  ],
};
