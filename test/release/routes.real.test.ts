import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/values/json.ts';
import { mergeValues } from '../../src/values/merge.ts';
import { describeReal } from '../real/describe-real.ts';
import type { ApiWorld } from './api-world.ts';
import { createApiReleaseWorld, itemsOf } from './api-world.ts';
import { serveRoutes } from './route-crds.ts';
import { unservedRoutes } from './suite-routes.ts';
import { callDeploy, callUninstall, tagged } from './world.ts';

const ROUTES = {
  mapping: { path: 'getambassador.io/v3alpha1', plural: 'mappings', kind: 'Mapping' },
  gateway: { path: 'gateway.networking.k8s.io/v1', plural: 'httproutes', kind: 'HTTPRoute' },
} as const;

type Routing = keyof typeof ROUTES;

const routed = (routing: Routing, hostname: string): JsonObject => {
  const service = { routing, hostname, ...(routing === 'gateway' && { gateway: { name: 'main' } }) };
  return mergeValues(tagged('ok-1', 'ok-1'), { repository: { service }, flea: { service } });
};

describeReal(
  'routes on a real API server',
  (real) => {
    unservedRoutes('where nothing serves them', () => createApiReleaseWorld(real().access));

    describe('where they are served', { timeout: 60_000 }, () => {
      let world: ApiWorld;
      beforeAll(() => serveRoutes(real().api, real().namespace), 60_000);
      beforeEach(async () => {
        world = await createApiReleaseWorld(real().access);
      });
      afterEach(() => world.close());

      const routes = async (routing: Routing) => {
        const { path, plural } = ROUTES[routing];
        const { json } = await world.api.send('GET', `/apis/${path}/namespaces/${world.namespace}/${plural}`);
        return itemsOf(json);
      };
      const names = async (routing: Routing) => (await routes(routing)).map(({ metadata }) => metadata.name);
      const FEWER = { mapping: 2, gateway: 1 } as const;

      test.each(['mapping', 'gateway'] as const)(
        'routing: %s is made, unchanged, changed, pruned with its service, and gone with the release',
        async (routing) => {
          const { kind } = ROUTES[routing];
          const made = await callDeploy(world, { over: routed(routing, 'models.example.com') });
          expect(made).toMatchObject({ outcome: 'deployed', revision: 1 });
          const found = await routes(routing);
          expect(found).toHaveLength(2 * FEWER[routing]);
          expect(JSON.stringify(found)).not.toContain('getambassador.io/config');

          const again = await callDeploy(world, { over: routed(routing, 'models.example.com') });
          expect(again).toMatchObject({ outcome: 'unchanged', diff: [] });

          const changed = await callDeploy(world, { over: routed(routing, 'other.example.com') });
          expect(changed).toMatchObject({ outcome: 'deployed', revision: 2 });
          const configured = changed.objects.filter(({ action }) => action === 'configured');
          expect(configured.map((object) => object.kind)).toEqual(
            expect.arrayContaining(Array.from({ length: 2 * FEWER[routing] }, () => kind)),
          );
          const after = await routes(routing);
          expect(after.map(({ metadata }) => metadata.uid)).toEqual(found.map(({ metadata }) => metadata.uid));
          expect(JSON.stringify(after.map((object) => object['spec']))).not.toContain('models.example.com');

          const fewer = mergeValues(routed(routing, 'other.example.com'), { flea: null });
          expect(await callDeploy(world, { over: fewer })).toMatchObject({ outcome: 'deployed', revision: 3 });
          expect(await names(routing)).toHaveLength(FEWER[routing]);

          expect(await callDeploy(world, { revision: 1 })).toMatchObject({ outcome: 'deployed', revision: 4 });
          expect(JSON.stringify(await routes(routing))).toContain('models.example.com');
          expect(await callDeploy(world, { over: tagged('ok-1', 'ok-1') })).toMatchObject({ outcome: 'deployed' });
          expect(await names(routing)).toEqual([]);

          await callDeploy(world, { over: routed(routing, 'models.example.com') });
          await callUninstall(world);
          expect(await names(routing)).toEqual([]);
          expect(await world.objects()).toEqual([]);
        },
      );
    });
  },
  { users: ['nobody'] },
);
