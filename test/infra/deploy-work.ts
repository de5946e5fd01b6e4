import { createClusterAccess } from '../../src/cluster/access.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { UpstreamError } from '../../src/errors.ts';
import { describeRelease, historyOf, listReleases } from '../../src/release/describe.ts';
import type { ReleaseDeps } from '../../src/release/request.ts';
import type { JsonObject } from '../../src/values/json.ts';
import type { ApiWorld } from '../release/api-world.ts';
import { refusal } from '../release/suite.ts';
import { exampleDocument } from '../release/values.ts';
import type { Ask } from '../release/world.ts';
import { callDeploy, callUninstall, createDeps, tagged } from '../release/world.ts';
import { assert, newId } from './work.ts';

/** Records every refusal of the cluster, including those that do not stop a release. */
const listening = (cluster: ReleaseCluster, said: string[]): ReleaseCluster =>
  new Proxy(cluster, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...call: readonly unknown[]): Promise<unknown> => {
        try {
          return await Reflect.apply(member, target, call);
        } catch (error) {
          if (error instanceof UpstreamError) said.push(String(error));
          throw error;
        }
      };
    },
  });

/** Calls as the user of `kubeconfig`. Without a kubelet, `world` answers the requests for logs and health. */
const clusterOf = (world: ApiWorld, kubeconfig: string): ReleaseCluster => {
  const own = createCluster(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }));
  return {
    ...own,
    podLog: async (namespace, pod, options) => {
      await own.podLog(namespace, 'absent', options);
      return world.cluster.podLog(namespace, pod, options);
    },
    probeService: async (namespace, service, port, path, options) => {
      const answer = await own.probeService(namespace, 'absent', port, path, options);
      if (answer.kind === 'unreachable' && answer.message.includes('forbidden')) return answer;
      return world.cluster.probeService(namespace, service, port, path, options);
    },
  };
};

interface Desk {
  readonly world: ApiWorld;
  readonly deps: ReleaseDeps;
}

/** A release with a unique name. */
const open = ({ world, deps }: Desk) => {
  const release = newId('r');
  const site = { release, namespace: world.namespace, signal: AbortSignal.timeout(60_000) };
  return {
    site,
    deploy: (ask: Ask) => callDeploy(world, { release, ...ask }, deps),
    uninstall: () => callUninstall(world, deps, release),
  };
};

const life = async (desk: Desk): Promise<void> => {
  const { site, deploy, uninstall } = open(desk);
  const { health } = await deploy({ example: 'gcs', over: tagged('ok-1', 'ok-1') });
  for (const { status, message } of health) assert(status === 'SERVING', `${status}: ${message}`);
  const pruned = (await deploy({ over: tagged('ok-2') })).objects.filter(({ action }) => action === 'pruned');
  assert(pruned.length === 2, 'the service that the values no longer contain was not pruned');
  const failed = await refusal(deploy({ over: tagged('crash') }));
  assert(failed.code === 'rolled-back', String(failed));
  await deploy({ revision: 1 });
  const { revisions } = await historyOf(desk.deps, site);
  assert(revisions.length === 4, `the history has ${revisions.length} revisions`);
  await describeRelease(desk.deps, site);
  await listReleases(desk.deps, site.signal);
  await uninstall();
};

const LONG_AGO = '2020-01-02T03:04:05.000000Z';

const takeOver = async (desk: Desk): Promise<void> => {
  const { site, deploy } = open(desk);
  const metadata = { name: `tio-${site.release}`, namespace: site.namespace };
  const spec = { holderIdentity: 'dead', leaseDurationSeconds: 60, acquireTime: LONG_AGO, renewTime: LONG_AGO };
  await desk.world.put({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, 'tensorio-trigger');
  await deploy({ over: tagged('ok-1') });
};

const routed = (service: JsonObject): JsonObject => ({
  repository: { deployment: { tag: 'ok-1' }, service: { hostname: 'models.example.com', ...service } },
  flea: null,
});

const routes = async (desk: Desk): Promise<void> => {
  const { deploy, uninstall } = open(desk);
  const kinds = async (ask: Ask): Promise<string> =>
    (await deploy(ask)).objects
      .filter(({ action }) => action === 'created')
      .map(({ kind }) => kind)
      .join(' ');
  assert((await kinds({ over: routed({ routing: 'mapping' }) })).includes('Mapping'), 'no Mapping was created');
  const gateway = { routing: 'gateway', gateway: { name: 'public' } };
  assert((await kinds({ over: routed(gateway) })).includes('HTTPRoute'), 'no HTTPRoute was created');
  await uninstall();
};

const policies = async (desk: Desk): Promise<void> => {
  const { deploy, uninstall } = open(desk);
  const blocks = {
    autoscaling: { maxReplicas: 1 },
    podDisruptionBudget: { minAvailable: 1 },
    networkPolicy: { ingress: [{}] },
  };
  const deployment = { tag: 'ok-1', replicas: null };
  const { objects } = await deploy({ over: { ...tagged('ok-1'), repository: { deployment, ...blocks } } });
  const created = objects.filter(({ action }) => action === 'created').map(({ kind }) => kind);
  const wanted = ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'NetworkPolicy'];
  assert(
    wanted.every((kind) => created.includes(kind)),
    'a policy was not created',
  );
  await uninstall();
};

const aggregations = async (desk: Desk): Promise<void> => {
  const { deploy } = open(desk);
  const { aggregator = null } = exampleDocument('aggregator');
  const schedule = newId('s');
  const launched = async (aggregationId: string): Promise<string> => {
    const over = {
      aggregator: {
        ...Object(aggregator),
        aggregationId,
        outputPath: `gs://example-jobs/${aggregationId}`,
        schedule,
        concurrencyPolicy: 'Replace',
      },
    };
    return String((await deploy({ over: { ...tagged('ok-1'), ...over } })).aggregation?.outcome);
  };
  const [first, second] = [newId('one-'), newId('two-')];
  assert((await launched(first)) === 'created', 'the aggregation was not launched');
  assert((await launched(first)) === 'exists', 'the aggregation was launched twice');
  assert((await launched(second)) === 'created', 'the second aggregation did not replace the first');
};

type Flow = (desk: Desk) => Promise<void>;

/** The operations per resource. `life` covers all other resources. */
const FLOWS: Readonly<Record<string, readonly Flow[]>> = {
  jobs: [aggregations],
  mappings: [routes],
  httproutes: [routes],
  horizontalpodautoscalers: [policies],
  poddisruptionbudgets: [policies],
  networkpolicies: [policies],
  leases: [life, takeOver],
};
const ALL: readonly Flow[] = [life, takeOver, routes, policies, aggregations];

/**
 * All calls of `deploy` to the cluster, or those for one resource, as the user of `kubeconfig`. Returns the error
 * messages.
 */
export const doDeployWork = async (
  world: ApiWorld,
  kubeconfig: string,
  resource?: string,
): Promise<readonly string[]> => {
  const said: string[] = [];
  const desk: Desk = { world, deps: createDeps(world, listening(clusterOf(world, kubeconfig), said)) };
  const flows = resource === undefined ? ALL : (FLOWS[resource] ?? [life]);
  const ends = await Promise.allSettled(flows.map((flow) => flow(desk)));
  return [...said, ...ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []))];
};
