import { describe } from 'vitest';
import { createApiReleaseWorld } from './api-world.ts';
import { noWalks, useEmbedded } from './embedded.ts';
import { HELM, helmInstall, putHelmObjects } from './helm.ts';
import { adoptionSuite, unmanagedAdoptionSuite } from './suite-adopt.ts';

describe('a helm release on the embedded API', () => {
  const embedded = useEmbedded();

  adoptionSuite(
    'written with its field manager',
    () => createApiReleaseWorld(embedded().access),
    (world) => putHelmObjects(world, 'demo'),
    noWalks,
  );

  unmanagedAdoptionSuite(() => createApiReleaseWorld(embedded().access));

  describe.skipIf(HELM === null)(
    `by helm itself${HELM === null ? ' (skipped: there is no helm; set HELM)' : ''}`,
    () => {
      adoptionSuite(
        'installed',
        () => createApiReleaseWorld(embedded().access),
        (world) => helmInstall('demo', world.namespace, embedded().kubeconfig),
        noWalks,
      );
    },
  );
});
