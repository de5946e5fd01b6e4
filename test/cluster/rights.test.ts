import { expect, test } from 'vitest';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { Cluster } from '../../src/cluster/port.ts';
import { UpstreamError } from '../../src/errors.ts';
import { describeReal } from '../real/describe-real.ts';

const EMAIL = 'aggregate@project.iam.gserviceaccount.com';
const NUMBER = '110000000000000000001';
const container = { container: 'main', tailLines: 1 };

const CALLS: readonly (readonly [string, string, (cluster: Cluster, namespace: string) => Promise<unknown>])[] = [
  [
    'create',
    'jobs',
    (cluster, namespace) => cluster.createJob({ metadata: { namespace, name: 'x' }, spec: { template: {} } }),
  ],
  ['get', 'jobs', (cluster, namespace) => cluster.getJob(namespace, 'x')],
  ['list', 'jobs', (cluster, namespace) => cluster.listJobs(namespace, '')],
  ['delete', 'jobs', (cluster, namespace) => cluster.deleteJob(namespace, 'x')],
  ['patch', 'jobs', (cluster, namespace) => cluster.suspendJob(namespace, 'x')],
  ['list', 'pods', (cluster, namespace) => cluster.listPods(namespace, '')],
  ['list', 'events', (cluster, namespace) => cluster.listEvents(namespace, { kind: 'Job', name: 'x' })],
  ['get', 'pods/log', (cluster, namespace) => cluster.podLog(namespace, 'x', container)],
  ['get', 'secrets', (cluster, namespace) => cluster.secretKeys(namespace, 'x')],
];

describeReal(
  'without permissions, on a real API server',
  (real) => {
    const as = (user: string): Cluster => {
      const token = real().users[user];
      return createCluster({ ...real().access, token: async () => token });
    };

    test.each(CALLS)('%s %s: the error names verb, resource, namespace and user', async (verb, resource, run) => {
      const error = await run(as(EMAIL), real().namespace).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(error).toMatchObject({ details: { verb, resource, namespace: real().namespace, subject: EMAIL } });
      expect(String(error)).toContain(`user "${EMAIL}" may not ${verb} ${resource}`);
    });

    test('a numeric user is explained', async () => {
      await expect(as(NUMBER).getJob(real().namespace, 'x')).rejects.toThrow(/userinfo\.email/);
    });

    test('with the rule, the call succeeds', async () => {
      const { api, namespace } = real();
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      const rules = [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['named'], verbs: ['get'] }];
      await api.send('POST', `${rbac}/roles`, { metadata: { name: 'secrets' }, rules });
      await api.send('POST', `${rbac}/rolebindings`, {
        metadata: { name: 'secrets' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'secrets' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: EMAIL }],
      });
      const read = (name: string) =>
        as(EMAIL)
          .secretKeys(namespace, name)
          .catch(() => 'refused');
      await expect.poll(() => read('named'), { timeout: 10_000 }).toBeNull();
      await expect(read('another')).resolves.toBe('refused');
    });

    test('an unknown token is rejected, and the error names what to check', async () => {
      const cluster = createCluster({ ...real().access, token: async () => 'unknown' });
      await expect(cluster.getJob(real().namespace, 'x')).rejects.toThrow(/401.*service account/);
    });
  },
  { users: [EMAIL, NUMBER] },
);
