import { createHash } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { isDeployment, isService } from '../../src/release/readiness.ts';
import type { DeploymentObject, ServiceObject } from '../../src/release/readiness.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryObjects } from './memory-objects.ts';
import { CRASH_LOG, fateOf, statusOf } from './pod-fates.ts';

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);

const refOf = ({ apiVersion, kind, metadata }: KubeObject) => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? '',
  name: metadata.name,
});

/** What the controllers of Deployments, ReplicaSets and EndpointSlices, and kubelets, do; all at once at every `tick`. */
export const createControllers = (objects: MemoryObjects, cluster: MemoryCluster): { tick(): void } => {
  const revisions = new Map<string, Map<string, number>>();

  const rollOut = (deployment: DeploymentObject): void => {
    const { name, namespace = '', uid = '' } = deployment.metadata;
    const { template, replicas = 1 } = deployment.spec;
    const templateHash = hash(template);
    const known = revisions.get(uid) ?? new Map<string, number>();
    revisions.set(uid, known);
    const isNewest = known.get(templateHash) === known.size || known.has(templateHash) === false;
    if (!known.has(templateHash) || !isNewest) known.set(templateHash, Math.max(0, ...known.values()) + 1);
    const revision = { 'deployment.kubernetes.io/revision': String(known.get(templateHash)) };
    const setName = `${name}-${templateHash}`;
    objects.put(
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        metadata: {
          name: setName,
          namespace,
          labels: { ...template.metadata?.labels },
          annotations: revision,
          ownerReferences: [{ uid, kind: 'Deployment', name }],
        },
        spec: {},
      },
      'deployment-controller',
    );
    const set = objects.all().find((one) => one.kind === 'ReplicaSet' && one.metadata.name === setName);
    const image = template.spec?.containers[0]?.image ?? '';
    const container = template.spec?.containers[0]?.name ?? '';
    const fate = fateOf(image);
    const ready = fate === 'ok';
    for (let index = 0; index < replicas; index += 1) {
      const pod: V1Pod = {
        metadata: {
          name: `${setName}-${index}`,
          namespace,
          labels: { ...template.metadata?.labels },
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: setName, uid: set?.metadata.uid ?? '' }],
        },
        spec: { containers: [{ name: container, image }] },
        status: statusOf(fate, container, image, `10.1.0.${index + 1}`),
      };
      cluster.setPod(pod);
      if (fate === 'crash') cluster.setLog(namespace, `${setName}-${index}`, container, `starting\n${CRASH_LOG}`);
    }
    const count = ready ? replicas : 0;
    const status = {
      observedGeneration: deployment.metadata.generation,
      replicas,
      updatedReplicas: replicas,
      readyReplicas: count,
      availableReplicas: count,
      conditions: [{ type: 'Available', status: count === replicas ? 'True' : 'False' }],
    };
    if (ready) dropOldPods(setName, name, namespace);
    objects.setStatus(refOf(deployment), status, revision);
  };

  const dropOldPods = (setName: string, deployment: string, namespace: string): void => {
    for (const { metadata } of cluster.pods()) {
      const pod = metadata?.name ?? '';
      const isOld = pod.startsWith(`${deployment}-`) && !pod.startsWith(`${setName}-`);
      if (metadata?.namespace === namespace && isOld) cluster.removePod(namespace, pod);
    }
  };

  const collect = (): void => {
    const uids = new Set(
      objects
        .all()
        .filter(isDeployment)
        .map(({ metadata }) => metadata.uid),
    );
    for (const set of objects.all()) {
      const owner = set.kind === 'ReplicaSet' ? set.metadata.ownerReferences?.[0]?.uid : undefined;
      if (owner === undefined || uids.has(owner)) continue;
      objects.remove(refOf(set));
      for (const { metadata } of cluster.pods()) {
        const ofSet = (metadata?.ownerReferences ?? []).some(({ uid }) => uid === set.metadata.uid);
        if (ofSet) cluster.removePod(metadata?.namespace ?? '', metadata?.name ?? '');
      }
    }
  };

  const balance = (service: ServiceObject): void => {
    const { name, namespace = '' } = service.metadata;
    const ready = cluster.pods().filter(({ metadata, status }) => {
      const labels = metadata?.labels ?? {};
      const isPicked = Object.entries(service.spec.selector ?? {}).every(([key, value]) => labels[key] === value);
      return isPicked && (status?.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True');
    });
    const endpoints = ready.map(() => ({ conditions: { ready: true } }));
    const labels = { 'kubernetes.io/service-name': name };
    const apiVersion = 'discovery.k8s.io/v1';
    objects.put(
      { apiVersion, kind: 'EndpointSlice', metadata: { name: `${name}-x`, namespace, labels }, endpoints },
      'endpointslice-controller',
    );
  };

  return {
    tick: () => {
      collect();
      for (const deployment of objects.all().filter(isDeployment)) rollOut(deployment);
      for (const service of objects.all().filter(isService)) balance(service);
      const services = new Set(
        objects
          .all()
          .filter(isService)
          .map(({ metadata }) => `${metadata.name}-x`),
      );
      for (const slice of objects.all()) {
        if (slice.kind === 'EndpointSlice' && !services.has(slice.metadata.name)) objects.remove(refOf(slice));
      }
    },
  };
};
