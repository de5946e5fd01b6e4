import { afterAll, beforeAll } from 'vitest';
import { startKubernetes } from '../../src/local/kubernetes/server.ts';
import type { Kubernetes } from '../../src/local/kubernetes/server.ts';
import { describeKubelet } from './kubelet/pod-suite.ts';

let kubernetes: Kubernetes;

beforeAll(async () => {
  kubernetes = await startKubernetes({ jobBackoffMs: 50 });
});
afterAll(() => kubernetes.close());

describeKubelet(() => ({ options: { server: kubernetes.url }, namespace: 'default' }));
