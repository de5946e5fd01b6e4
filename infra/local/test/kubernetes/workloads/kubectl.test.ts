import { onTestFinished, test } from 'vitest';
import { startKubernetes } from '../../../kubernetes/server.ts';
import { findKubectls } from '../kubectl.ts';
import { describeKubectlWorkloads } from './suite-kubectl.ts';

const programs = findKubectls();

if (programs.length === 0) {
  test.skip('kubectl drives Deployments (skipped: there is no kubectl on the PATH of this machine)', () => undefined);
}

describeKubectlWorkloads(programs, async () => {
  const kubernetes = await startKubernetes();
  onTestFinished(() => kubernetes.close());
  return { target: { server: kubernetes.url }, flags: [`--server=${kubernetes.url}`] };
});
