import { describe } from 'vitest';
import { describeReal } from '../../real/describe-real.ts';
import type { WorldOptions } from './world.ts';

/**
 * The same suite on the embedded API server and on a real one. `cluster` says where its world is to run, and may be
 * called in hooks and tests only.
 */
export const describeOnApiServers = (suite: (cluster: () => Pick<WorldOptions, 'cluster'>) => void): void => {
  describe('on the embedded API server', () => {
    suite(() => ({}));
  });

  // A user is asked for although none is needed: on a cluster of one's own, which has a scheduler and nodes, the process
  // kubelet has no place.
  describeReal(
    'on a real API server',
    (real) => {
      suite(() => ({ cluster: { kubeconfig: real().kubeconfig, namespace: real().namespace } }));
    },
    { users: ['nobody'] },
  );
};
