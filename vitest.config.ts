import { defineConfig } from 'vitest/config';

// No test may depend on the speed of the machine: the limits end a test that hangs, nothing else.
// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from the default export
export default defineConfig({ test: { isolate: false, maxWorkers: 3, testTimeout: 300_000, hookTimeout: 300_000 } });
