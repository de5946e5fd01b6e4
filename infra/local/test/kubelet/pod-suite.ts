import { describe } from 'vitest';
import { describeEnds } from './suite-ends.ts';
import { describeFaults } from './suite-faults.ts';
import { describeLogs } from './suite-logs.ts';
import { describeNode } from './suite-node.ts';
import { describeRuns } from './suite-runs.ts';
import { describeServices } from './suite-services.ts';
import type { Target } from './pod-world.ts';
import { PATIENCE_MS } from './pod-world.ts';

/** What the process kubelet does with pods, on whatever API server. `target` is called in tests. */
export function describeKubelet(target: () => Target): void {
  describe('the process kubelet', { timeout: PATIENCE_MS * 2 }, () => {
    describeRuns(target);
    describeFaults(target);
    describeEnds(target);
    describeLogs(target);
    describeNode(target);
    describeServices(target);
  });
}
