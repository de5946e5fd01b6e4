import { createApiReleaseWorld } from './api-world.ts';
import { noWalks, useEmbedded } from './embedded.ts';
import { releaseSuite } from './suite.ts';

const embedded = useEmbedded();

releaseSuite(
  'releases on the embedded API, with its controllers',
  () => createApiReleaseWorld(embedded().access),
  noWalks,
);
