import { expect, test } from 'vitest';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { readRole, rulesFor } from '../infra/roles.ts';
import { describeReal } from '../real/describe-real.ts';
import { createApiReleaseWorld } from './api-world.ts';
import { expectConsistent } from './invariants.ts';
import { refusal } from './suite.ts';
import { callDeploy, callUninstall, createDeps, tagged } from './world.ts';

const EMAIL = 'deploy@project.iam.gserviceaccount.com';

/** A Lease that may not be deleted is given up without a holder, and stays. */
const FREE_LEASE = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['delete'] };

describeReal(
  'deploy, with exactly the Role of infra/kubernetes',
  (real) => {
    test('installs, upgrades, fails, rolls back, goes back and uninstalls', { timeout: 60_000 }, async () => {
      const world = await createApiReleaseWorld(real().access);
      try {
        const { api, namespace } = world;
        const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
        await api.send('POST', `${rbac}/roles`, {
          metadata: { name: 'tio-deploy' },
          rules: [...rulesFor(readRole('deploy'), ['tensorio-models']), FREE_LEASE],
        });
        await api.send('POST', `${rbac}/rolebindings`, {
          metadata: { name: 'tio-deploy' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'tio-deploy' },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: EMAIL }],
        });
        await world.putSecret('tensorio-models', ['sacred.json', 'sacred.pem', 'googleAccessId']);
        const token = real().users[EMAIL];
        const own = createCluster({ ...real().access, token: async () => token });
        // What the world makes up for want of a kubelet stays made up.
        const cluster: ReleaseCluster = {
          ...own,
          probeService: async (...call) => world.cluster.probeService(...call),
          podLog: async (...call) => world.cluster.podLog(...call),
        };
        const deps = () => createDeps(world, cluster);
        const mayRead = () =>
          own.listObjects({ apiVersion: 'v1', kind: 'ConfigMap', namespace }, 'a=b').catch(() => null);
        await expect.poll(mayRead, { timeout: 10_000 }).not.toBeNull();

        const gcs = { example: 'gcs', over: tagged('ok-1', 'ok-1') } as const;
        expect(await callDeploy(world, gcs, deps())).toMatchObject({
          outcome: 'deployed',
          warnings: expect.any(Array),
        });
        expect(await callDeploy(world, { over: tagged('ok-2') }, deps())).toMatchObject({
          outcome: 'deployed',
          revision: 2,
        });
        expect(await refusal(callDeploy(world, { over: tagged('crash') }, deps()))).toMatchObject({
          code: 'rolled-back',
        });
        expect(await callDeploy(world, { revision: 1 }, deps())).toMatchObject({ outcome: 'deployed', revision: 4 });
        await expectConsistent(world);
        expect(await callUninstall(world, deps())).toMatchObject({ outcome: 'uninstalled' });
        expect(await world.objects()).toEqual([]);
      } finally {
        await world.close();
      }
    });
  },
  { users: [EMAIL] },
);
