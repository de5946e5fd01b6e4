import { createApiReleaseWorld } from './api-world.ts';
import { size } from '../e2e/helpers/size.ts';
import { useEmbedded } from './embedded.ts';
import { releaseSuite } from './suite.ts';

const embedded = useEmbedded();

releaseSuite(
  'releases on the embedded API, with its controllers',
  () => createApiReleaseWorld(embedded().access),
  // In memory they are walked each time.
  size === 'quick' ? ' (skipped: it takes long here; TEST_SIZE=ci walks it)' : '',
);
