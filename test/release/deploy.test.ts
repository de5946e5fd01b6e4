import { releaseSuite } from './suite.ts';
import { createMemoryWorld } from './world.ts';

releaseSuite('releases in memory', async () => createMemoryWorld());
