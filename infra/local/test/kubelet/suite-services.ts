import { expect, test } from 'vitest';
import { PORTS_ANNOTATION } from '../../kubelet/pod-progress.ts';
import { createWorld, script, until } from './pod-world.ts';
import type { Target, World } from './pod-world.ts';

/** What serves: ports and probes. */
export function describeServices(target: () => Target): void {
  const readinessProbe = { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, failureThreshold: 1 };
  const web = { name: 'main', image: 'web', ports: [{ name: 'http', containerPort: 18_431 }], readinessProbe };

  test('a container is ready when its probe says so; two of one port have one each', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const names = await Promise.all([0, 1].map(() => world.createPod({ restartPolicy: 'Always', containers: [web] })));
    const ports = await Promise.all(
      names.map(async (name) => {
        await world.podWhen(name, ({ status }) => expect(status?.containerStatuses?.[0]?.ready).toBe(true));
        return portOf(world, name);
      }),
    );
    expect(new Set(ports).size).toBe(2);
    for (const port of ports) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
  });

  test('a container whose readiness probe fails runs, unready', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({
      containers: [
        script('setInterval(() => {}, 1000)', { readinessProbe: { tcpSocket: { port: 9 }, periodSeconds: 1 } }),
      ],
    });
    await until(async () =>
      expect(await world.events(name)).toContainEqual(expect.objectContaining({ reason: 'Unhealthy' })),
    );
    expect((await world.phase(name, 'Running')).status).toMatchObject({
      containerStatuses: [{ ready: false, started: true }],
      conditions: expect.arrayContaining([
        expect.objectContaining({
          type: 'Ready',
          status: 'False',
          reason: 'ContainersNotReady',
          message: 'containers with unready status: [main]',
        }),
      ]),
    });
  });

  test('a container whose liveness probe fails is ended and started again', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const livenessProbe = { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 1 };
    const name = await world.createPod({
      restartPolicy: 'Always',
      containers: [script('setInterval(() => {}, 1000)', { livenessProbe })],
    });
    await world.podWhen(name, ({ status }) => expect(status?.containerStatuses?.[0]?.restartCount).toBeGreaterThan(0));
    const message = 'Container main failed liveness probe, will be restarted';
    await until(async () =>
      expect(await world.events(name)).toContainEqual(expect.objectContaining({ reason: 'Killing', message })),
    );
  });

  test('a startup probe holds the others back', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const startupProbe = { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, failureThreshold: 30 };
    const name = await world.createPod({ containers: [{ ...web, startupProbe }] });
    await world.podWhen(name, ({ status }) =>
      expect(status?.containerStatuses?.[0]).toMatchObject({ started: true, ready: true }),
    );
  });
}

async function portOf(world: World, name: string): Promise<number> {
  return until(async () => {
    const text = (await world.pod(name))?.metadata.annotations?.[PORTS_ANNOTATION] ?? '{}';
    const { http } = JSON.parse(text) as { http?: number };
    expect(http).toBeTypeOf('number');
    return Number(http);
  });
}
