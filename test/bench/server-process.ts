/**
 * One server of the local stack in a process of its own, so that it shares neither event loop nor memory with the
 * client that measures. Started by servers.ts with what to start as JSON; tells its URL, and ends with its parent.
 */
import { startGcs } from '../../infra/local/gcs/server.ts';
import { readAccess } from '../../infra/local/kubeconfig.ts';
import { startKubelet } from '../../infra/local/kubelet.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import type { Ask, Counts, ServerSpec } from './servers.ts';

interface Started {
  readonly url: string;
  close(): Promise<void>;
}

const counts: { -readonly [K in keyof Counts]: number } = { reads: 0, lists: 0, writes: 0 };

const kindOf = (method: string, path: string): keyof Counts => {
  if (method !== 'GET') return 'writes';
  return /^\/storage\/v1\/b\/[^/]+\/o(\?|$)/.test(path) ? 'lists' : 'reads';
};

const start = async (spec: ServerSpec): Promise<Started> => {
  switch (spec.kind) {
    case 'storage':
      return startGcs({
        buckets: spec.buckets,
        ...(spec.dataDir !== undefined && { dataDir: spec.dataDir }),
        // No fault: only a place from which every request is seen.
        faults: ({ method, path }) => {
          counts[kindOf(method, path)] += 1;
          return undefined;
        },
      });
    case 'kubernetes':
      return startKubernetes();
    case 'kubelet': {
      const { kubeconfig, images, workDir } = spec;
      const kubelet = await startKubelet({ ...readAccess(kubeconfig), images, workDir });
      return { url: '', close: () => kubelet.close() };
    }
  }
};

const running: { server?: Started } = {};
const end = (): void => void (running.server?.close() ?? Promise.resolve()).finally(() => process.exit(0));

// A Ctrl-C reaches the whole process group; the end of this process is its parent's to say.
process.on('SIGINT', () => undefined);
process.once('SIGTERM', end);
process.once('disconnect', end);
process.on('message', (ask: Ask) => {
  if (ask === 'counts') process.send?.({ counts });
});
running.server = await start(JSON.parse(process.argv[2] ?? ''));
process.send?.({ url: running.server.url });
