import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.ts';
import { startServer } from './servers.ts';
import type { World } from './world.ts';
import { AGGREGATOR, NAMESPACE } from './world.ts';

const PROGRAM = fileURLToPath(new URL('instant-aggregator.ts', import.meta.url));

/** A kubelet in a process of its own, whose aggregator writes one small object and ends. It ends with the scope. */
export const startInstantKubelet = async (scope: Scope, { api, storage }: World): Promise<void> => {
  const images = {
    [AGGREGATOR.repository]: {
      command: [process.execPath, '--no-warnings', PROGRAM],
      env: { STORAGE_API_ENDPOINT: storage.url },
    },
  };
  await startServer(scope, { kind: 'kubelet', kubeconfig: api.kubeconfig, images, workDir: scope.folder() });
};

const JOBS_MS = 60_000;

const countEnded = async ({ api }: World): Promise<number> => {
  const { text } = await api.client.send('GET', `${api.url}/apis/batch/v1/namespaces/${NAMESPACE}/jobs`);
  const { items } = JSON.parse(text);
  return Array.isArray(items) ? items.filter((job) => job?.status?.completionTime !== undefined).length : 0;
};

/** Resolves once so many Jobs are complete. Throws an Error after a minute. */
export const untilJobsEnd = async (world: World, jobs: number): Promise<void> => {
  for (const endsAt = Date.now() + JOBS_MS; (await countEnded(world)) < jobs;) {
    if (Date.now() > endsAt) throw new Error(`the Jobs did not end within ${JOBS_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
