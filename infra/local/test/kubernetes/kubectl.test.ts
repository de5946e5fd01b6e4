import { expect, test, vi } from 'vitest';
import { startApi } from './api.ts';
import { findKubectls } from './kubectl.ts';
import { describeKubectl, PATIENCE_MS, type Place, startKubectl } from './suite-kubectl.ts';

vi.setConfig({ testTimeout: PATIENCE_MS });

async function open(): Promise<Place> {
  const { server } = await startApi();
  return { target: { server: server.url }, namespace: 'default', flags: [`--server=${server.url}`] };
}

const programs = findKubectls();
const [program] = programs;

if (program === undefined) {
  test.skip('kubectl drives the embedded API (skipped: there is no kubectl on the PATH of this machine)', () =>
    undefined);
} else {
  describeKubectl(programs, open);

  test('kubectl gets the version of the embedded API', async () => {
    const { ok } = await startKubectl(program, await open());
    expect(await ok('version')).toContain('Server Version: v1.32.0');
  });

  test('kubectl gets a message for an unsupported call', async () => {
    const { kubectl } = await startKubectl(program, await open());
    const indexed = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'indexed' },
      spec: {
        completionMode: 'Indexed',
        completions: 2,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'shell' }] } },
      },
    };
    const answer = await kubectl(['create', '-f', '-'], JSON.stringify(indexed));
    expect(answer.err).toContain('the local Kubernetes API does not support Jobs of completionMode Indexed');
  });
}
