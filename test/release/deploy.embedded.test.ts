import type { ClusterAccess } from '../../src/cluster/gke.ts';
import { startKubernetes } from '../../src/local/kubernetes/server.ts';
import { createApiReleaseWorld } from './api-world.ts';
import { putHelmObjects } from './helm.ts';
import { adoptionSuite } from './suite-adopt.ts';
import { releaseSuite } from './suite.ts';
import type { ReleaseWorld } from './world.ts';

const createAccess = (server: string): ClusterAccess => ({
  endpoint: async () => ({ server }),
  token: async () => undefined,
  describe: () => 'the embedded API',
  invalidate: () => undefined,
});

const setup = async (): Promise<ReleaseWorld> => {
  const server = await startKubernetes();
  const world = await createApiReleaseWorld(createAccess(server.url));
  const close = async (): Promise<void> => {
    await world.close();
    await server.close();
  };
  return { ...world, close };
};

releaseSuite('releases on the embedded API', setup);

adoptionSuite('a release of helm on the embedded API', setup, (world) => putHelmObjects(world, 'demo'));
