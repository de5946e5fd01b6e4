import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { describeReal } from '../../../test/real/describe-real.ts';
import { describeKubelet } from './kubelet/pod-suite.ts';

// A user is asked for although none is needed: a cluster of one's own, which has a scheduler and nodes, is no place for this node.
describeReal(
  'on a real API server',
  (real) =>
    describeKubelet(() => {
      const config = new KubeConfig();
      config.loadFromString(readFileSync(real().kubeconfig, 'utf8'));
      const { server, caData = '' } = config.getCurrentCluster() ?? { server: '' };
      const { token = '' } = config.getCurrentUser() ?? {};
      const options = { server, token, ca: Buffer.from(caData, 'base64').toString() };
      return { options, namespace: real().namespace };
    }),
  { users: ['nobody'] },
);
