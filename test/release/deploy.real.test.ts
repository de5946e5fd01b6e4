import { describeReal } from '../real/describe-real.ts';
import { createApiReleaseWorld } from './api-world.ts';
import { releaseSuite } from './suite.ts';

describeReal('releases on a real API server', (real) => {
  releaseSuite('with its controllers', () => createApiReleaseWorld(real().access));
});
