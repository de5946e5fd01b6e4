import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { pinnedVersion } from './assets.ts';
import { describeReal } from './describe-real.ts';

const isListening = (server: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(server);
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });

const isGiven = (name: string): boolean => (process.env[name] ?? '') !== '';

describeReal('the real servers', (real) => {
  test('say which version they are', async (context) => {
    if (isGiven('KUBEBUILDER_ASSETS') || isGiven('TEST_CONTEXT')) return context.skip('they are not of our building');
    const { json } = await real().api.send('GET', '/version');
    expect(json).toMatchObject({ gitVersion: pinnedVersion() });
  });

  test('run controllers: a Job gets a pod', async () => {
    const path = `/apis/batch/v1/namespaces/${real().namespace}/jobs`;
    const containers = [{ name: 'main', image: 'example.com/none:1' }];
    await real().api.send('POST', path, {
      metadata: { name: 'controlled' },
      spec: { template: { spec: { restartPolicy: 'Never', containers } } },
    });
    const readActive = async () => (await real().api.send('GET', `${path}/controlled`)).json;
    await expect.poll(readActive, { timeout: 10_000 }).toMatchObject({ status: { active: 1 } });
  });

  test('end with the process that started them, even when it is killed', { timeout: 90_000 }, async (context) => {
    if (isGiven('TEST_CONTEXT')) return context.skip('a cluster of your own stays');
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'hold-cluster.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void holder.kill('SIGKILL'));
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: holder.stdout }).once('line', resolve);
      holder.once('exit', () => reject(new Error('the servers did not start')));
    });
    const { server, kubeconfig }: { server: string; kubeconfig: string } = JSON.parse(line);
    expect(await isListening(server)).toBe(true);
    holder.kill('SIGKILL');
    await expect.poll(() => isListening(server), { timeout: 20_000 }).toBe(false);
    await expect.poll(() => existsSync(kubeconfig), { timeout: 20_000 }).toBe(false);
  });
});
