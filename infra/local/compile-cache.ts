import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Environment of a Node process that is started again and again: what it compiles is kept, where Node keeps it by
 * default, and its next start takes half the time or less.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
export const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') } as const;
