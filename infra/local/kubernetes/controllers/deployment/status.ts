import { numberAt, objectsAt, stringAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import type { KubeObject } from '../../types.ts';
import { formatTime } from '../../schema/time.ts';
import { withDeploymentCondition } from '../conditions.ts';
import { boundsOf } from './bounds.ts';
import type { Sets } from './sets.ts';
import { countAt, replicasOf, totalOf, totalReplicas } from './views.ts';

/** The counts of a Deployment and whether it is available: calculateStatus of pkg/controller/deployment/sync.go. */
export function buildDeploymentStatus(deployment: KubeObject, { current, all }: Sets, now: Date): Fields {
  const available = totalOf(all, 'availableReplicas');
  const collisionCount = numberAt(deployment, 'status', 'collisionCount');
  const isAvailable = available >= replicasOf(deployment) - boundsOf(deployment).maxUnavailable;
  const condition = isAvailable
    ? ({ status: 'True', reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' } as const)
    : ({
        status: 'False',
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      } as const);
  const conditions = objectsAt(deployment, 'status', 'conditions');
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: totalOf(all, 'replicas'),
    updatedReplicas: countAt(current, 'replicas'),
    readyReplicas: totalOf(all, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, totalReplicas(all) - available),
    terminatingReplicas: totalOf(all, 'terminatingReplicas'),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withDeploymentCondition(conditions, { type: 'Available', ...condition }, formatTime(now)),
  };
}

/** All wanted pods are new ones and available, and no old one is left. */
export function isComplete(deployment: KubeObject, status: Fields): boolean {
  const wanted = replicasOf(deployment);
  return (
    ['updatedReplicas', 'replicas', 'availableReplicas'].every((field) => count(status, field) === wanted) &&
    count(status, 'observedGeneration') >= (deployment.metadata.generation ?? 0)
  );
}

function count(status: Fields, field: string): number {
  return numberAt(status, field) ?? 0;
}

/** Whether something has come nearer since the status that is stored. */
export function hasProgressed(deployment: KubeObject, status: Fields): boolean {
  function oldPods(of: (field: string) => number): number {
    return of('replicas') - of('updatedReplicas');
  }
  function before(field: string): number {
    return countAt(deployment, field);
  }
  function now(field: string): number {
    return count(status, field);
  }
  return (
    now('updatedReplicas') > before('updatedReplicas') ||
    oldPods(now) < oldPods(before) ||
    now('readyReplicas') > before('readyReplicas') ||
    now('availableReplicas') > before('availableReplicas')
  );
}

/** The failure of a ReplicaSet to create or delete pods; the newest first. */
export function replicaFailure({ current, all }: Sets): Fields | undefined {
  const failures = [...(current === undefined ? [] : [current]), ...all].flatMap((set) =>
    objectsAt(set, 'status', 'conditions').filter((each) => each['type'] === 'ReplicaFailure'),
  );
  const [first] = failures;
  return first && { ...first, lastUpdateTime: stringAt(first, 'lastTransitionTime') };
}
