import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createKubectl } from '../kubectl.ts';
import type { Kubectl } from '../kubectl.ts';
import { createWorld, deployment } from './world.ts';
import type { Target, World } from './world.ts';

type Run = (args: string, input?: string) => Promise<string>;

/** Where kubectl finds the server. */
export interface Place {
  readonly target: Target;
  readonly flags: readonly string[];
}

interface Started {
  readonly world: World;
  readonly run: Run;
  readonly kubectl: Kubectl;
}

/** What kubectls do with Deployments, on whatever API server; `open` is called in each test. */
export function describeKubectlWorkloads(programs: readonly string[], open: () => Promise<Place>): void {
  describe.for(programs.map((program) => ({ program, name: basename(program) })))('$name', ({ program }) => {
    test('applies, watches, shows, scales, restarts, pauses, undoes and deletes', async () => {
      const { run } = await start(program, await open());
      const manifest = JSON.stringify(deployment('web', 'v1', { replicas: 2 }));
      expect(await run('apply --server-side -f -', manifest)).toBe('deployment.apps/web serverside-applied\n');
      expect(await run('rollout status deploy/web --timeout=30s')).toMatch(/"web" successfully rolled out\n$/);
      await run('expose deploy web --port=80 --target-port=http');
      expect(await run('get deploy')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/);
      expect(await run('get rs')).toMatch(/^NAME +DESIRED +CURRENT +READY +AGE\nweb-\w+ +2 +2 +2 +\d+s\n$/);
      expect(await run('get deploy -o wide')).toMatch(/main +image:v1 +app=web\n$/);
      expect(await run('get svc')).toMatch(
        /^NAME +TYPE +CLUSTER-IP .*\nweb +ClusterIP +10\.0\.0\.\d+ +<none> +80\/TCP +\d+s\n$/,
      );
      expect(await run('get endpointslices')).toMatch(
        /^NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE\nweb-\w{5} +IPv4 +8080 +192\.0\.2\.\d+,192\.0\.2\.\d+ +\d+s\n$/,
      );
      await run('scale deploy/web --replicas=3');
      await run('rollout status deploy/web --timeout=30s');
      await run('set image deploy/web main=image:v2');
      expect(await run('rollout status deploy/web --timeout=30s')).toMatch(/successfully rolled out\n$/);
      expect(await run('rollout history deploy/web')).toMatch(/REVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n/);
      await run('rollout undo deploy/web');
      await run('rollout status deploy/web --timeout=30s');
      expect(await run('get deploy web -o jsonpath={.spec.template.spec.containers[0].image}')).toBe('image:v1');
      await run('rollout pause deploy/web');
      await run('rollout resume deploy/web');
      await run('rollout restart deploy/web');
      await run('rollout status deploy/web --timeout=30s');
      await run('wait --for=condition=Available deploy/web --timeout=30s');
      const described = await run('describe deploy web');
      expect(described).toMatch(/Replicas: +3 desired \| 3 updated \| 3 total \| 3 available \| 0 unavailable/);
      expect(described).toMatch(/Progressing +True +NewReplicaSetAvailable/);
      expect(described).toMatch(
        /ScalingReplicaSet .* deployment-controller +Scaled up replica set web-\w+ from 0 to 2/,
      );
      expect(await run('delete deploy web')).toContain('deployment.apps "web" deleted');
      await run('wait --for=delete pod -l app=web --timeout=30s');
      expect(await run('get rs,pods')).toBe('');
    });

    test('tells an update that is late', async () => {
      const { world, kubectl } = await start(program, await open());
      await world.create('deployments', deployment('web', 'unready', { progressDeadlineSeconds: 1 }));
      const status = await kubectl(['rollout', 'status', 'deploy/web', '--timeout=30s']);
      expect(status).toMatchObject({ code: 1, err: 'error: deployment "web" exceeded its progress deadline\n' });
    });
  });
}

async function start(program: string, { target, flags }: Place): Promise<Started> {
  const world = await createWorld(target);
  const kubectl = createKubectl(program, [...flags, `--namespace=${world.namespace}`]);
  const run: Run = async (args, input) => {
    const result = await kubectl(args.split(' '), input);
    expect({ args, code: result.code, err: result.err }).toEqual({ args, code: 0, err: expect.any(String) });
    return result.out;
  };
  return { world, run, kubectl };
}
