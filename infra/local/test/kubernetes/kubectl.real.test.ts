import { randomBytes } from 'node:crypto';
import { test, vi } from 'vitest';
import { describeReal } from '../../../../test/real/describe-real.ts';
import { findKubectls } from './kubectl.ts';
import { describeKubectl, PATIENCE_MS } from './suite-kubectl.ts';

vi.setConfig({ testTimeout: PATIENCE_MS });

const programs = findKubectls();

if (programs.length === 0) {
  test.skip('kubectl drives a real API server (skipped: there is no kubectl on the PATH of this machine)', () =>
    undefined);
} else {
  // A user is asked for although none is needed: a cluster of one's own is no place for this node.
  describeReal(
    'on a real API server, with the process kubelet',
    (real) => {
      describeKubectl(programs, async () => {
        const { server, access, api, kubeconfig } = real();
        const namespace = `kubectl-${randomBytes(4).toString('hex')}`;
        await api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
        const [token, { caPem }] = await Promise.all([access.token(), access.endpoint()]);
        const target = { server, ...(token !== undefined && { token }), ...(caPem !== undefined && { ca: caPem }) };
        return { target, namespace, flags: [`--kubeconfig=${kubeconfig}`] };
      });
    },
    { users: ['nobody'] },
  );
}
