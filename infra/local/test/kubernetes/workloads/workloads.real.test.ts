import { beforeAll } from 'vitest';
import { describeReal } from '../../../../../test/real/describe-real.ts';
import { findKubectls } from '../kubectl.ts';
import { describeEndpoints } from './suite-endpoints.ts';
import { describeKubectlWorkloads } from './suite-kubectl.ts';
import { describeReplicas } from './suite-replicas.ts';
import { describeRollouts } from './suite-rollouts.ts';
import type { Target } from './world.ts';

// A user is asked for although none is needed: the suites make nodes, and a cluster of one's own is no place for these.
describeReal(
  'Deployments, ReplicaSets and Services on a real API server',
  (real) => {
    let found: Target | undefined;
    beforeAll(async () => {
      const token = await real().access.token();
      found = { server: real().server, ...(token !== undefined && { token }) };
    });
    function target(): Target {
      return found ?? { server: '' };
    }
    describeRollouts(target);
    describeReplicas(target);
    describeEndpoints(target);
    describeKubectlWorkloads(findKubectls(), async () => ({
      target: target(),
      flags: [`--kubeconfig=${real().kubeconfig}`],
    }));
  },
  { users: ['nobody'] },
);
