import type { Cluster } from '../../cluster.ts';
import { objectsAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import { updateObject } from '../../operations/update.ts';
import { objectKey, resourceKey } from '../../resources/resource.ts';
import { deployments, replicaSets } from '../../resources/workloads.ts';
import { formatTime } from '../../schema/time.ts';
import { draftOf } from '../../types.ts';
import type { Draft, KubeObject } from '../../types.ts';
import { withDeploymentCondition } from '../conditions.ts';
import type { Condition } from '../conditions.ts';
import { recordEvent } from '../events.ts';
import type { NewEvent } from '../events.ts';
import { boundsOf } from './bounds.ts';
import { annotations, replicasOf } from './views.ts';

const manager = 'kube-controller-manager';
const component = 'deployment-controller';

/** A Deployment during a reconcile. Reads return the stored state at that moment. */
export interface Rollout {
  readonly cluster: Cluster;
  readonly deployment: () => KubeObject;
}

/** The Deployment stored under `key`. Throws once it is gone, which cannot happen within one step. */
export function createRollout(cluster: Cluster, { metadata }: KubeObject): Rollout {
  return {
    cluster,
    deployment: () => {
      const found = cluster.get(resourceKey(deployments), objectKey(metadata.namespace, metadata.name));
      if (found === undefined) throw new Error(`the Deployment ${metadata.name} is gone`);
      return found;
    },
  };
}

export function emitEvent({ cluster, deployment }: Rollout, event: NewEvent): void {
  return recordEvent(cluster, deployment(), event, component);
}

/** Writes the status, and the revision where one is given: annotations pass with the status of a Deployment. */
export function writeStatus({ cluster, deployment }: Rollout, status: Fields, revision?: string): void {
  const { namespace, name } = deployment().metadata;
  function change(old: KubeObject): Draft {
    const draft: Draft = { ...draftOf(old), status };
    if (revision !== undefined) {
      draft.metadata['annotations'] = { ...old.metadata.annotations, [annotations.revision]: revision };
    }
    return draft;
  }
  updateObject(cluster, deployments, namespace, name, change, { manager, dryRun: false, subresource: 'status' });
}

/** Sets a condition in the status as it is stored; see withDeploymentCondition. */
export function writeCondition(rollout: Rollout, condition: Condition | undefined, revision?: string): void {
  const deployment = rollout.deployment();
  const now = formatTime(rollout.cluster.now());
  const before = objectsAt(deployment, 'status', 'conditions');
  const conditions = condition === undefined ? before : withDeploymentCondition(before, condition, now);
  const status = typeof deployment['status'] === 'object' ? deployment['status'] : {};
  writeStatus(rollout, { ...status, ...(conditions.length > 0 && { conditions }) }, revision);
}

export function updateReplicaSet(cluster: Cluster, set: KubeObject, change: (old: KubeObject) => Draft): KubeObject {
  return updateObject(cluster, replicaSets, set.metadata.namespace, set.metadata.name, change, {
    manager,
    dryRun: false,
  });
}

/** What the annotations of a ReplicaSet say of the Deployment's size. */
export function sizeAnnotations(deployment: KubeObject): Readonly<Record<string, string>> {
  const replicas = replicasOf(deployment);
  return {
    [annotations.desiredReplicas]: `${replicas}`,
    [annotations.maxReplicas]: `${replicas + boundsOf(deployment).maxSurge}`,
  };
}

/** Sets the size of a ReplicaSet and records an event. Returns whether it changed. */
export function scaleReplicaSet(rollout: Rollout, set: KubeObject, replicas: number): boolean {
  const before = replicasOf(set);
  const sizes = sizeAnnotations(rollout.deployment());
  updateReplicaSet(rollout.cluster, set, (old) => {
    const draft = draftOf(old);
    draft.metadata['annotations'] = { ...old.metadata.annotations, ...sizes };
    return { ...draft, spec: { ...(typeof old['spec'] === 'object' ? old['spec'] : {}), replicas } };
  });
  if (before === replicas) return false;
  const direction = before < replicas ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
  emitEvent(rollout, { type: 'Normal', reason: 'ScalingReplicaSet', message });
  return true;
}
