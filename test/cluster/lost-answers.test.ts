import { expect, onTestFinished, test } from 'vitest';
import { request } from 'undici';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import { DeadlineError, UnavailableError } from '../../src/errors.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import { startScripted } from './scripted-server.ts';
import { createStubAccess } from './stub-access.ts';

/** An API server behind a proxy that forwards requests and loses the responses. */
const startLossy = async (loses: 'connection' | 'time'): Promise<{ direct: string; lossy: string }> => {
  const server = await startKubernetes();
  onTestFinished(() => server.close());
  const proxy = await startScripted(async ({ url, body }, response) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await request(`${server.url}${url}`, { method: 'POST', headers, body });
    await answer.body.text();
    if (loses === 'connection') response.destroy();
  });
  return { direct: server.url, lossy: proxy.url };
};

test.each([
  ['connection', UnavailableError],
  ['time', DeadlineError],
] as const)('a create whose response is lost (%s) is ambiguous, and created one Job', async (loses, type) => {
  const { direct, lossy } = await startLossy(loses);
  const job = {
    metadata: { namespace: 'default', name: 'lost-answer' },
    spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] } } },
  };
  const throughLossy = createCluster(createStubAccess([{ server: lossy }]), { deadlineMs: 1_000 });
  await expect(throughLossy.createJob(job)).rejects.toThrow(type);
  const cluster = createCluster(createStubAccess([{ server: direct }]));
  await expect(cluster.createJob(job)).resolves.toBe('exists');
  await expect(cluster.listJobs('default', '')).resolves.toHaveLength(1);
});
