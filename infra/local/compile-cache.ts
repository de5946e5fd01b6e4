import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Environment of a Node process that is started repeatedly. The compile cache, in Node's default folder, halves the time
 * of later starts.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
export const compileCache = { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') } as const;
