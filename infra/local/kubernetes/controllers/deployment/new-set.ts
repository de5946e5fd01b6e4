import { fieldsAt, numberAt, objectsAt, stringAt } from '../../json.ts';
import type { Fields } from '../../json.ts';
import { createObject } from '../../operations/create.ts';
import { canonical } from '../../operations/write.ts';
import { replicaSets } from '../../resources/workloads.ts';
import { StatusError } from '../../status.ts';
import { draftOf } from '../../types.ts';
import { buildControllerRef } from '../claims.ts';
import { findCondition } from '../conditions.ts';
import { copiedAnnotations, nextRevision, revisionAnnotations } from './revisions.ts';
import { setsOf } from './sets.ts';
import { wantedReplicas } from './rolling.ts';
import { templateHash } from './template-hash.ts';
import { hashLabel, progressDeadlineOf } from './views.ts';
import { emitEvent, sizeAnnotations, updateReplicaSet, writeCondition, writeStatus } from './writes.ts';
import type { Rollout } from './writes.ts';

const longestName = 253;

/** Updates the ReplicaSet of the current template from the Deployment, if it exists. */
export function syncCurrentSet(rollout: Rollout): void {
  const deployment = rollout.deployment();
  const { current, old } = setsOf(rollout);
  if (current === undefined) return;
  const updated = updateReplicaSet(rollout.cluster, current, (before) => {
    const draft = draftOf(before);
    draft.metadata['annotations'] = {
      ...before.metadata.annotations,
      ...copiedAnnotations(deployment),
      ...revisionAnnotations(before, nextRevision(old)),
    };
    const minReadySeconds = numberAt(deployment, 'spec', 'minReadySeconds') ?? 0;
    return { ...draft, spec: { ...fieldsAt(before, 'spec'), minReadySeconds } };
  });
  const isKnown = findCondition(objectsAt(deployment, 'status', 'conditions'), 'Progressing') !== undefined;
  const found =
    progressDeadlineOf(deployment) === undefined || isKnown
      ? undefined
      : ({
          type: 'Progressing',
          status: 'True',
          reason: 'FoundNewReplicaSet',
          message: `Found new replica set "${current.metadata.name}"`,
        } as const);
  writeCondition(rollout, found, updated.metadata.annotations?.['deployment.kubernetes.io/revision']);
}

/**
 * Creates the ReplicaSet of the current template. Returns whether it exists afterwards; otherwise the reason is in the
 * status and in an event (getNewReplicaSet of pkg/controller/deployment/sync.go).
 */
export function createCurrentSet(rollout: Rollout): boolean {
  const deployment = rollout.deployment();
  const draft = buildReplicaSet(rollout);
  const name = stringAt(draft, 'metadata', 'name');
  const hasDeadline = progressDeadlineOf(deployment) !== undefined;
  try {
    const { namespace } = deployment.metadata;
    const options = { manager: 'kube-controller-manager', dryRun: false };
    createObject(rollout.cluster, replicaSets, namespace, canonical(replicaSets, draft), options);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    refused(rollout, name, error);
    return false;
  }
  const replicas = numberAt(draft, 'spec', 'replicas') ?? 0;
  const message = `Scaled up replica set ${name} from 0 to ${replicas}`;
  if (replicas > 0) emitEvent(rollout, { type: 'Normal', reason: 'ScalingReplicaSet', message });
  const created = {
    type: 'Progressing',
    status: 'True',
    reason: 'NewReplicaSetCreated',
    message: `Created new replica set "${name}"`,
  } as const;
  writeCondition(rollout, hasDeadline ? created : undefined, `${nextRevision(setsOf(rollout).old)}`);
  return true;
}

function buildReplicaSet(rollout: Rollout): Fields {
  const deployment = rollout.deployment();
  const { name, namespace } = deployment.metadata;
  const template = structuredClone(fieldsAt(deployment, 'spec', 'template'));
  const hash = templateHash(template, numberAt(deployment, 'status', 'collisionCount'));
  const metadata = fieldsAt(template, 'metadata');
  const labels = { ...fieldsAt(metadata, 'labels'), [hashLabel]: hash };
  const selector = fieldsAt(deployment, 'spec', 'selector');
  const { all, old } = setsOf(rollout);
  return {
    metadata: {
      name: `${name.slice(0, longestName - 1 - hash.length)}-${hash}`,
      namespace,
      labels,
      annotations: {
        ...copiedAnnotations(deployment),
        ...revisionAnnotations(undefined, nextRevision(old)),
        ...sizeAnnotations(deployment),
      },
      ownerReferences: [buildControllerRef(deployment)],
    },
    spec: {
      replicas: wantedReplicas(deployment, all, 0),
      minReadySeconds: numberAt(deployment, 'spec', 'minReadySeconds'),
      selector: { ...selector, matchLabels: { ...fieldsAt(selector, 'matchLabels'), [hashLabel]: hash } },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  };
}

/** A name that is taken belongs to a ReplicaSet of another template with the same hash: count up, and hash again. */
function refused(rollout: Rollout, name: string, error: StatusError): void {
  const deployment = rollout.deployment();
  if (error.reason === 'AlreadyExists') {
    const collisionCount = (numberAt(deployment, 'status', 'collisionCount') ?? 0) + 1;
    writeStatus(rollout, { ...fieldsAt(deployment, 'status'), collisionCount });
    return;
  }
  if ((error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')) return;
  const reason = 'ReplicaSetCreateError';
  const message = `Failed to create new replica set "${name}": ${error.message}`;
  if (progressDeadlineOf(deployment) !== undefined)
    writeCondition(rollout, { type: 'Progressing', status: 'False', reason, message });
  emitEvent(rollout, { type: 'Warning', reason, message });
}
