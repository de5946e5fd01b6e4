import { adoptionSuite } from './suite-adopt.ts';
import { putHelmObjects } from './helm.ts';
import { createMemoryWorld } from './world.ts';

adoptionSuite(
  'a release of helm, in memory',
  async () => createMemoryWorld(),
  (world) => putHelmObjects(world, 'demo'),
);
