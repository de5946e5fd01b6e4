import { merge, paths, post, remove } from '../step.ts';
import type { Scenario, Step } from '../step.ts';

const { services } = paths;

/** Services: ports, addresses, types. */
export const servicesScenario: Scenario = {
  name: 'services',
  steps: [
    post(services, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }], selector: { a: 'b' } } }),
    ...[
      { spec: {} },
      { spec: { ports: [] } },
      { spec: { ports: [{ port: 0 }] } },
      { spec: { ports: [{ port: 80 }, { port: 81 }] } },
      {
        spec: {
          ports: [
            { port: 80, name: 'a' },
            { port: 81, name: 'a' },
          ],
        },
      },
      { spec: { ports: [{ port: 80, protocol: 'FOO' }] } },
      { spec: { ports: [{ port: 80, targetPort: 'bad name' }] } },
      { spec: { ports: [{ port: 80, targetPort: 70000 }] } },
      { spec: { clusterIP: 'None' } },
      { spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
      { spec: { clusterIP: '1.2.3.4', ports: [{ port: 80 }] } },
      { spec: { clusterIP: 'x', ports: [{ port: 80 }] } },
      { spec: { type: 'ExternalName' } },
      { spec: { type: 'ExternalName', externalName: 'a.b' } },
      { spec: { type: 'Foo', ports: [{ port: 80 }] } },
      { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] } },
      { spec: { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] } },
      { spec: { sessionAffinity: 'ClientIP', ports: [{ port: 80 }] } },
      { spec: { sessionAffinity: 'Foo', ports: [{ port: 80 }] } },
      { spec: { selector: { 'bad key': 'x' }, ports: [{ port: 80 }] } },
      { spec: { ports: [{ port: 80, nodePort: 30001 }] } },
      { spec: { ports: [{ port: 80, name: 'Bad_' }] } },
    ].map((b) => post(`${services}?dryRun=All`, { metadata: { name: 't' }, ...b })),
    post(
      `${services}?dryRun=All`,
      {
        metadata: { name: 't' },
        spec: {
          ports: [
            { port: 80, name: 'a' },
            { port: 80, name: 'b' },
          ],
        },
      },
      { differs: 'the value is shown as JSON, not as the Go struct' },
    ),
    post(
      `${services}?dryRun=All`,
      { metadata: { name: '1bad' }, spec: { ports: [{ port: 80 }] } },
      { differs: 'newer servers take names that begin with a digit', code: 422 },
    ),
    ...[
      { spec: { clusterIP: '10.0.0.99' } },
      { spec: { clusterIP: null } },
      { spec: { clusterIP: 'None' } },
      { spec: { type: 'NodePort' } },
      { spec: { type: 'ClusterIP' } },
      { spec: { type: 'ExternalName', externalName: 'a.b' } },
      { spec: { ports: [{ port: 81 }] } },
    ].map((b) => merge(`${services}/s`, b)),
    remove(`${services}/s`),
  ].map((step: Step): Step => ({ ignore: ['clusterIP', 'nodePort'], ...step })),
};
