import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createWorld, IMAGES, newFolder, script, TIMINGS, until } from './pod-world.ts';
import type { Target, World } from './pod-world.ts';

/** The node itself: its registration, and what becomes of its pods when it goes. */
export function describeNode(target: () => Target): void {
  test('the Node is ready, with an address, a port and what it offers', async () => {
    const world = createWorld(target());
    const { port } = await world.kubelet({ capacity: { cpu: '3' } });
    const node = await world.api.get('/api/v1/nodes/local');
    expect(node).toMatchObject({
      metadata: { labels: { 'kubernetes.io/hostname': 'local', 'kubernetes.io/os': 'linux' } },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
        allocatable: { cpu: '3' },
        conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'True' })]),
      },
    });
  });

  test('a deleted Node is registered again', async () => {
    const world = createWorld(target());
    await world.kubelet({ heartbeatMs: 50 });
    await world.api.delete('/api/v1/nodes/local', {});
    await until(async () => {
      const node = await world.api.get('/api/v1/nodes/local');
      expect(node).toMatchObject({ status: { addresses: [{ address: '127.0.0.1' }] } });
    });
  });

  test('close ends every process and says so in the pods and the Node', async () => {
    const world = createWorld(target());
    const kubelet = await world.kubelet();
    const { name, pid } = await runningPod(world);
    await kubelet.close();
    expect(isAlive(pid)).toBe(false);
    const { status } = await world.phase(name, 'Failed');
    expect(status).toMatchObject({
      reason: 'NodeShutdown',
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'DisruptionTarget', status: 'True' })]),
    });
    expect(await world.api.get('/api/v1/nodes/local')).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ type: 'Ready', status: 'False' })]) },
    });
  });

  test('pods of a kubelet that was killed are Failed, their processes ended, by the next one', async () => {
    const { options } = target();
    const world = createWorld(target());
    const workDir = newFolder();
    const settings = { ...options, images: IMAGES, workDir, timings: TIMINGS };
    const child = fork(join(import.meta.dirname, 'kubelet-process.ts'), [JSON.stringify(settings)], { execArgv: [] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child, 'message');
    const { name, pid } = await runningPod(world);
    const over = await world.createPod({ containers: [script(`console.log('kept')`)] });
    await world.phase(over, 'Succeeded');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isAlive(pid)).toBe(true);
    await world.kubelet({ workDir });
    await until(async () => expect(isAlive(pid)).toBe(false));
    const { status } = await world.phase(name, 'Failed');
    expect(status?.message).toContain('The process was lost');
    expect(status).toMatchObject({
      reason: 'NodeShutdown',
      containerStatuses: [{ state: { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } } }],
      conditions: expect.arrayContaining([expect.objectContaining({ type: 'DisruptionTarget', status: 'True' })]),
    });
    expect(await world.log(over)).toBe('kept\n');
    await world.api.delete(`/api/v1/namespaces/${world.namespace}/pods/${over}`, {});
    await until(async () => expect(await world.pod(over)).toBeNull());
  });
}

async function runningPod(world: World): Promise<{ name: string; pid: number }> {
  const name = await world.createPod({ containers: [script('console.log(process.pid); setInterval(() => {}, 1000)')] });
  await world.phase(name, 'Running');
  const pid = await until(async () => {
    const number = Number(await world.log(name));
    expect(number).toBeGreaterThan(0);
    return number;
  });
  return { name, pid };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
