import { describe } from 'vitest';
import { describeReal } from '../real/describe-real.ts';
import { createApiReleaseWorld } from './api-world.ts';
import { HELM, helmInstall, putHelmObjects } from './helm.ts';
import { adoptionSuite, unmanagedAdoptionSuite } from './suite-adopt.ts';

describeReal('a release of helm on a real API server', (real) => {
  adoptionSuite(
    'written with its field manager',
    () => createApiReleaseWorld(real().access),
    (world) => putHelmObjects(world, 'demo'),
  );

  unmanagedAdoptionSuite(() => createApiReleaseWorld(real().access));

  describe.skipIf(HELM === null)(
    `by helm itself${HELM === null ? ' (skipped: there is no helm; set HELM)' : ''}`,
    () => {
      adoptionSuite(
        'installed',
        () => createApiReleaseWorld(real().access),
        (world) => helmInstall('demo', world.namespace, real().kubeconfig),
      );
    },
  );
});
