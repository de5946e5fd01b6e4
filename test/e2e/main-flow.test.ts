import { describe } from 'vitest';
import { describeReal } from '../real/describe-real.ts';
import { describeMainFlow } from './helpers/suite-main-flow.ts';

describe('on the embedded API server', () => {
  describeMainFlow(() => ({}));
});

// A user is asked for although none is needed: on a cluster of one's own, which has a scheduler and nodes, the process
// kubelet has no place.
describeReal(
  'on a real API server',
  (real) => describeMainFlow(() => ({ cluster: { kubeconfig: real().kubeconfig, namespace: real().namespace } })),
  { users: ['nobody'] },
);
