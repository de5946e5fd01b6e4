import { describe, expect, test } from 'vitest';
import { createWorld, script, until } from './pod-world.ts';
import type { Target, World } from './pod-world.ts';

/** How pods end, and what starts again. */
export function describeEnds(target: () => Target): void {
  test.each([
    ['exits 3', 'process.exit(3)', { exitCode: 3, reason: 'Error' }],
    [
      'is killed by SIGKILL',
      `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)`,
      { exitCode: 137, reason: 'OOMKilled' },
    ],
    [
      'is killed by SIGTERM',
      `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)`,
      { exitCode: 143, reason: 'Error' },
    ],
  ])('a container that %s fails its pod', async (_, text, expected) => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [script(text)] });
    expect(await terminated(world, name, 'Failed')).toMatchObject(expected);
    expect((await world.pod(name))?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', status: 'False', reason: 'PodFailed' }),
    );
  });

  describe('the termination message', () => {
    test.each([
      [
        'is what was written to its path',
        `require('fs').writeFileSync(process.argv[1], 'why')`,
        { terminationMessagePath: '/dev/why' },
        ['/dev/why'],
        'why',
      ],
      [
        'may be written to $TERMINATION_LOG',
        `require('fs').writeFileSync(process.env.TERMINATION_LOG, 'why')`,
        {},
        [],
        'why',
      ],
      ['is empty by default', `console.log('why')`, {}, [], undefined],
      [
        'is the end of the log if asked for',
        `console.log('so'); console.error('why')`,
        { terminationMessagePolicy: 'FallbackToLogsOnError' },
        [],
        'so\nwhy\n',
      ],
    ])('%s', async (_, text, more, args, message) => {
      const world = createWorld(target());
      await world.kubelet();
      const code = `${text}; process.exitCode = 1`;
      const name = await world.createPod({ containers: [{ ...script(code, more), args: [code, ...args] }] });
      expect((await terminated(world, name, 'Failed'))?.message).toBe(message);
    });
  });

  test('OnFailure starts a container again until it succeeds, with what its emptyDir holds', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const text = `const fs = require('fs'); const f = process.env.V + '/n'; const n = fs.existsSync(f) ? +fs.readFileSync(f) : 0;
      fs.writeFileSync(f, String(n + 1)); console.log('run', n); process.exit(n < 2 ? 1 : 0)`;
    const container = script(text, {
      env: [{ name: 'V', value: '/v' }],
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    });
    const name = await world.createPod({
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [container],
    });
    const { status } = await world.phase(name, 'Succeeded');
    expect(status?.containerStatuses).toMatchObject([{ restartCount: 2, lastState: { terminated: { exitCode: 1 } } }]);
    expect(await world.log(name)).toBe('run 2\n');
    expect(await world.log(name, '?previous=true')).toBe('run 1\n');
  });

  test('a container that keeps failing waits in CrashLoopBackOff, its pod stays Running', async () => {
    const world = createWorld(target());
    await world.kubelet({ timings: { retryMs: 100, backoffBaseMs: 60_000 } });
    const name = await world.createPod({ restartPolicy: 'Always', containers: [script('process.exit(1)')] });
    const { status, metadata } = await world.podWhen(name, (pod) =>
      expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('CrashLoopBackOff'),
    );
    const full = `${name}_${world.namespace}(${metadata.uid})`;
    expect(status).toMatchObject({
      phase: 'Running',
      containerStatuses: [{ restartCount: 1, ready: false, lastState: { terminated: { exitCode: 1 } } }],
    });
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toBe(
      `back-off 1m0s restarting failed container=main pod=${full}`,
    );
    await until(async () =>
      expect(await world.events(name)).toContainEqual(
        expect.objectContaining({
          reason: 'BackOff',
          type: 'Warning',
          message: `Back-off restarting failed container main in pod ${full}`,
        }),
      ),
    );
  });

  test('a failed init container fails a pod that is not restarted; the rest never starts', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({
      initContainers: [{ ...script('process.exit(4)'), name: 'init' }],
      containers: [script('')],
    });
    const { status } = await world.phase(name, 'Failed');
    expect(status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(4);
    expect(status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  });

  test('a deleted pod gets SIGTERM, is given its grace, and is gone', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const text = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0) }); setInterval(() => {}, 1000); console.log('up')`;
    const name = await world.createPod({ containers: [script(text)] });
    await world.phase(name, 'Running');
    await until(async () => expect(await world.log(name)).toBe('up\n'));
    const followed = world.log(name, '?follow=true');
    await deletePod(world, name);
    await until(async () => expect(await world.pod(name)).toBeNull());
    expect(await followed).toBe('up\nbye\n');
  });

  test('what ignores SIGTERM is killed after the grace, its children too', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const text = `process.on('SIGTERM', () => {}); const c = require('child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
      console.log(process.pid + ' ' + c.pid); setInterval(() => {}, 1000)`;
    const name = await world.createPod({ terminationGracePeriodSeconds: 1, containers: [script(text)] });
    const pids = await until(async () => {
      const found = /^(\d+) (\d+)\n$/.exec(await world.log(name));
      expect(found).not.toBeNull();
      return (found ?? []).slice(1).map(Number);
    });
    expect(pids.map(isAlive)).toEqual([true, true]);
    await deletePod(world, name);
    await until(async () => expect(await world.pod(name)).toBeNull());
    await until(async () => expect(pids.map(isAlive)).toEqual([false, false]));
  });

  test('a pod deleted by force loses its process', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({
      containers: [script('console.log(process.pid); setInterval(() => {}, 1000)')],
    });
    await world.phase(name, 'Running');
    const pid = await until(async () => {
      const number = Number(await world.log(name));
      expect(number).toBeGreaterThan(0);
      return number;
    });
    await deletePod(world, name, { gracePeriodSeconds: 0 });
    await until(async () => expect(isAlive(pid)).toBe(false));
    await until(async () => expect(await world.pod(name)).toBeNull());
  });

  test('activeDeadlineSeconds ends a pod as DeadlineExceeded', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({
      activeDeadlineSeconds: 1,
      terminationGracePeriodSeconds: 1,
      containers: [script('setInterval(() => {}, 1000)')],
    });
    const { status } = await world.phase(name, 'Failed');
    expect(status).toMatchObject({
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
    });
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(143);
  });
}

async function terminated(world: World, name: string, phase: string) {
  return (await world.phase(name, phase)).status?.containerStatuses?.[0]?.state?.terminated;
}

function deletePod(world: World, name: string, options: object = {}): Promise<unknown> {
  return world.api.delete(`/api/v1/namespaces/${world.namespace}/pods/${name}`, {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...options,
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
