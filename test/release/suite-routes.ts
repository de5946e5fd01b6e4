import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mergeValues } from '../../src/values/merge.ts';
import { refusal } from './suite.ts';
import type { ReleaseWorld } from './world.ts';
import { callDeploy, tagged } from './world.ts';

const ROUTES = [
  ['mapping', 'getambassador.io/v3alpha1 Mapping', /Emissary/],
  ['gateway', 'gateway.networking.k8s.io/v1 HTTPRoute', /Gateway API/],
] as const;

/** Routes on a cluster that does not serve their kinds. */
export const unservedRoutes = (name: string, setup: () => Promise<ReleaseWorld>): void => {
  describe(`${name}`, () => {
    let world: ReleaseWorld;
    beforeEach(async () => {
      world = await setup();
    });
    afterEach(() => world.close());

    test.each(ROUTES)(
      'routing: %s names what is missing and what to do; nothing is made',
      async (routing, kind, what) => {
        const service = {
          routing,
          hostname: 'h.example.com',
          ...(routing === 'gateway' && { gateway: { name: 'main' } }),
        };
        const over = mergeValues(tagged('ok'), { repository: { service } });
        for (const dryRun of ['server', 'no'] as const) {
          const refused = await refusal(callDeploy(world, { over, dryRun }));
          expect(refused).toMatchObject({ status: 422, code: 'invalid' });
          expect(refused.message).toContain(`the cluster serves no ${kind}`);
          expect(refused.message).toMatch(what);
          expect(refused.message).toContain('routing: none');
        }
        expect(await world.objects()).toEqual([]);
      },
    );
  });
};
