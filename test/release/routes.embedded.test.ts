import { createApiReleaseWorld } from './api-world.ts';
import { useEmbedded } from './embedded.ts';
import { unservedRoutes } from './suite-routes.ts';

const embedded = useEmbedded();

unservedRoutes('routes on the embedded API, which does not serve them', () => createApiReleaseWorld(embedded().access));
