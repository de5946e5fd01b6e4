import { afterAll, beforeAll } from 'vitest';
import { startKubernetes } from '../../../../src/local/kubernetes/server.ts';
import type { Kubernetes } from '../../../../src/local/kubernetes/server.ts';
import { describeEndpoints } from './suite-endpoints.ts';
import { describeReplicas } from './suite-replicas.ts';
import { describeRollouts } from './suite-rollouts.ts';

let kubernetes: Kubernetes | undefined;

beforeAll(async () => {
  kubernetes = await startKubernetes();
});
afterAll(() => kubernetes?.close());

const target = (): { readonly server: string } => ({ server: kubernetes?.url ?? '' });

describeRollouts(target);
describeReplicas(target);
describeEndpoints(target);
