import { describeReal } from '../real/describe-real.ts';
import { usePodNetwork } from './pod-network.ts';
import { podSuite } from './suite-pods.ts';

const network = usePodNetwork();

describeReal(
  'releases on a real API server',
  (real) => {
    network.serve(() => real().api);
    podSuite('whose pods run', () => ({ kubeconfig: real().kubeconfig, podIP: network.podIP }));
  },
  { apiServerFlags: network.flags },
);
