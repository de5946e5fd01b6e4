import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { expect, onTestFinished, vi } from 'vitest';
import { startKubelet } from '../../kubelet.ts';
import type { Kubelet, KubeletOptions } from '../../kubelet.ts';
import { createApi, isStatus } from '../../kubelet/api.ts';
import type { Api, ApiOptions } from '../../kubelet/api.ts';
import { isPod } from '../../kubelet/types.ts';
import type { Images, Pod } from '../../kubelet/types.ts';

/** An API server, embedded or real, and a namespace to work in. */
export interface Target {
  readonly options: ApiOptions;
  readonly namespace: string;
}

/** The machine may be busy with other tests. */
export const PATIENCE_MS = 120_000;

export const TIMINGS = {
  retryMs: 100,
  backoffBaseMs: 200,
  backoffCapMs: 2000,
  shutdownGraceMs: 500,
  eagerProbeMs: 50,
};

/** `node`: runs its first argument as a script. */
export const IMAGES: Images = {
  node: { command: [process.execPath, '-e'], allowArgs: true },
  'example.com/fixed': {
    command: [process.execPath, '-e', 'console.log(process.argv.slice(1).join())', 'own'],
    args: ['default'],
  },
  'any-command': { command: ['/nowhere'], allowCommand: true, allowArgs: true },
  absent: { command: ['/no/such/program'] },
  web: {
    command: [
      process.execPath,
      '-e',
      `require('http').createServer((q, s) => s.end('ok')).listen(+process.env.PORT, '127.0.0.1')`,
    ],
    env: { PORT: '$(PORT_http)' },
  },
};

export interface World {
  readonly api: Api;
  readonly namespace: string;
  /** With {@link IMAGES} and quick timings; closed when the test ends. */
  kubelet(options?: Partial<KubeletOptions>): Promise<Kubelet>;
  /** Returns its name. `spec` without restartPolicy: Never. */
  createPod(spec: object, metadata?: object): Promise<string>;
  create(path: string, object: object): Promise<void>;
  pod(name: string): Promise<Pod | null>;
  /** The pod once `check` passes. */
  podWhen(name: string, check: (pod: Pod) => void): Promise<Pod>;
  phase(name: string, phase: string): Promise<Pod>;
  log(name: string, query?: string): Promise<string>;
  events(name: string): Promise<readonly { reason: string; message: string; type: string }[]>;
}

export function until<T>(check: () => Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: PATIENCE_MS, interval: 25 });
}

export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function newName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString('hex')}`;
}

/** A container that runs `script` with node. */
export function script(text: string, more: object = {}) {
  return { name: 'main', image: 'node', args: [text], ...more };
}

export function createWorld({ options, namespace }: Target): World {
  const api = createApi(options);
  onTestFinished(() => api.close());
  const core = `/api/v1/namespaces/${namespace}`;
  async function pod(name: string): Promise<Pod | null> {
    try {
      const answer = await api.get(`${core}/pods/${name}`);
      if (!isPod(answer)) throw new Error('the answer is no pod');
      return answer;
    } catch (error) {
      if (isStatus(error, 404)) return null;
      throw error;
    }
  }
  function podWhen(name: string, check: (pod: Pod) => void): Promise<Pod> {
    return until(async () => {
      const found = await pod(name);
      if (found === null) throw new Error(`pod ${name} is gone`);
      check(found);
      return found;
    });
  }
  return {
    api,
    namespace,
    kubelet: async (more = {}) => {
      const kubelet = await startKubelet({
        ...options,
        images: IMAGES,
        workDir: newFolder(),
        timings: TIMINGS,
        ...more,
      });
      onTestFinished(() => kubelet.close());
      return kubelet;
    },
    createPod: async (spec, metadata = {}) => {
      const name = newName('pod');
      const body = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, ...metadata },
        spec: { restartPolicy: 'Never', ...spec },
      };
      await api.post(`${core}/pods`, body);
      return name;
    },
    create: async (path, object) => {
      await api.post(`${core}/${path}`, object);
    },
    pod,
    podWhen,
    phase: async (name, phase) => {
      // A pod that has ended otherwise will not come round: no need to wait for the deadline.
      const found = await podWhen(name, ({ status }) =>
        expect([phase, 'Succeeded', 'Failed']).toContain(status?.phase),
      );
      if (found.status?.phase === phase) return found;
      throw new Error(`pod ${name} is ${found.status?.phase}: ${JSON.stringify(found.status?.containerStatuses)}`);
    },
    log: (name, query = '') => readText(options, `${core}/pods/${name}/log${query}`),
    events: async (name) => {
      const list = (await api.get(`${core}/events`, { query: { fieldSelector: `involvedObject.name=${name}` } })) as {
        items: [];
      };
      return list.items;
    },
  };
}

/** Text of the API server, such as a log; a refusal's message with its status in front. */
async function readText({ server, token, ca }: ApiOptions, path: string): Promise<string> {
  const agent = new Agent({ allowH2: false, connect: { ...(ca !== undefined && { ca }) } });
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const answer = await request(`${server}${path}`, { headers, dispatcher: agent });
    const text = await answer.body.text();
    return answer.statusCode >= 400
      ? `${answer.statusCode} ${(JSON.parse(text) as { message: string }).message}`
      : text;
  } finally {
    await agent.destroy();
  }
}
