import { describe, expect, test } from 'vitest';
import { at, textAt } from '../api.ts';
import { createWorld, deployment, image, itemsOf } from './world.ts';
import type { Target, World } from './world.ts';

const ready = { ready: true, serving: true, terminating: false };

/** Services, and the EndpointSlices behind them. */
export function describeEndpoints(target: () => Target): void {
  describe('Services', () => {
    test('one has the pods of its selector as endpoints', async () => {
      const world = await createWorld(target());
      const created = await world.create('services', service());
      expect(textAt(created.body, 'spec.clusterIP')).toMatch(/^10\.0\.0\.\d+$/);
      await world.eventually(async () =>
        expect(await world.list('endpointslices')).toMatchObject([
          { addressType: 'IPv4', endpoints: null, ports: null },
        ]),
      );
      await world.create('deployments', deployment('web', 'v1', { replicas: 2 }));
      await world.eventually(async () => expect(await readiness(world)).toEqual([ready, ready]));
      const [slice, ...others] = await world.list('endpointslices');
      expect(others).toEqual([]);
      expect(slice).toMatchObject({
        metadata: {
          generateName: 'web-',
          labels: {
            team: 'a',
            'kubernetes.io/service-name': 'web',
            'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          },
          ownerReferences: [
            {
              apiVersion: 'v1',
              kind: 'Service',
              name: 'web',
              uid: textAt(created.body, 'metadata.uid'),
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        },
        ports: [{ name: 'rest', port: 8080, protocol: 'TCP' }],
      });
      const pods = await world.list('pods');
      expect(
        (await endpointsOf(world)).map((each) => [
          textAt(each, 'addresses.0'),
          textAt(each, 'nodeName'),
          at(each, 'targetRef'),
        ]),
      ).toEqual(
        expect.arrayContaining(
          pods.map((pod) => [
            textAt(pod, 'status.podIP'),
            textAt(pod, 'spec.nodeName'),
            {
              kind: 'Pod',
              namespace: world.namespace,
              name: textAt(pod, 'metadata.name'),
              uid: textAt(pod, 'metadata.uid'),
            },
          ]),
        ),
      );
      expect(Number(at(slice, 'metadata.generation'))).toBeGreaterThan(1);
    });

    test('endpoints follow their pods: readiness, end, selector, and the end of the Service', async () => {
      const world = await createWorld(target());
      await world.create('services', service());
      await world.create('deployments', deployment('web', 'unready', { strategy: { type: 'Recreate' } }));
      const unready = { ready: false, serving: false, terminating: false };
      await world.eventually(async () => expect(await readiness(world)).toEqual([unready]));
      await world.patch('deployments/web', image('v1'));
      await world.eventually(async () => expect(await readiness(world)).toEqual([ready]));
      const goOn = world.pausePods();
      await world.patch('deployments/web/scale', { spec: { replicas: 0 } });
      const going = { ready: false, serving: true, terminating: true };
      await world.eventually(async () => expect(await readiness(world)).toEqual([going]));
      goOn();
      await world.eventually(async () => expect(await readiness(world)).toEqual([]));
      await world.patch('deployments/web/scale', { spec: { replicas: 1 } });
      await world.eventually(async () => expect(await readiness(world)).toEqual([ready]));
      await world.patch('services/web', { spec: { selector: { app: 'other' } } });
      await world.eventually(async () => expect(await readiness(world)).toEqual([]));
      await world.remove('services/web');
      await world.eventually(async () => expect(await world.list('endpointslices')).toEqual([]));
    });

    test('one without an address of its own, or without a selector', async () => {
      const world = await createWorld(target());
      const headless = service({ clusterIP: 'None', publishNotReadyAddresses: true });
      await world.create('services', headless);
      await world.create('services', { metadata: { name: 'bare' }, spec: { ports: [{ port: 80 }] } });
      await world.create('deployments', deployment('web', 'unready'));
      const published = { ready: true, serving: false, terminating: false };
      await world.eventually(async () => expect(await readiness(world)).toEqual([published]));
      const slices = await world.list('endpointslices');
      expect(slices).toHaveLength(1);
      expect(at(slices[0], 'metadata.labels')).toMatchObject({ 'service.kubernetes.io/headless': '' });
    });

    test('the proxy says why it reaches nobody', async () => {
      const world = await createWorld(target());
      async function proxy(id: string): Promise<unknown> {
        const answer = await world.call('GET', `/api/v1/namespaces/${world.namespace}/services/${id}/proxy/healthz`);
        return [answer.code, textAt(answer.body, 'reason'), textAt(answer.body, 'message')];
      }
      await world.create('services', service());
      const nobody = [503, 'ServiceUnavailable', 'no endpoints available for service "web"'];
      await world.eventually(async () => expect(await proxy('web:rest')).toEqual(nobody));
      expect(await proxy('web:80')).toEqual(nobody);
      expect(await proxy('web:81')).toEqual([503, 'ServiceUnavailable', 'no service port 81 found for service "web"']);
      expect(await proxy('absent')).toEqual([404, 'NotFound', 'services "absent" not found']);
      expect(await proxy('absent:80')).toEqual([404, 'NotFound', 'services "absent" not found']);
      expect(await proxy('ftp:web:80')).toEqual([400, 'BadRequest', 'invalid service request "ftp:web:80"']);
      await world.create('deployments', deployment('web', 'unready'));
      await world.eventually(async () =>
        expect(await proxy('http:web:rest')).toEqual([
          503,
          'ServiceUnavailable',
          'no endpoints available for service "http:web:rest"',
        ]),
      );
    });
  });
}

function service(spec: object = {}): Readonly<Record<string, unknown>> {
  return {
    metadata: { name: 'web', labels: { team: 'a' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'rest', port: 80, targetPort: 'http' }], ...spec },
  };
}

async function readiness(world: World): Promise<readonly unknown[]> {
  return (await endpointsOf(world)).map((endpoint) => at(endpoint, 'conditions'));
}

async function endpointsOf(world: World): Promise<readonly unknown[]> {
  const slices = await world.list('endpointslices');
  return slices.flatMap((slice) => itemsOf({ items: at(slice, 'endpoints') }));
}
