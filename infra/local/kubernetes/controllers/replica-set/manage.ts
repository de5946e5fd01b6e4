import type { Cluster } from '../../cluster.ts';
import { fieldsAt } from '../../json.ts';
import { createObject } from '../../operations/create.ts';
import { removeObject } from '../../operations/remove.ts';
import { canonical } from '../../operations/write.ts';
import { pods } from '../../resources/pods.ts';
import { StatusError } from '../../status.ts';
import type { KubeObject } from '../../types.ts';
import { subdomainFaults } from '../../validation/names.ts';
import { buildControllerRef } from '../claims.ts';
import { recordEvent } from '../events.ts';

const manager = 'kube-controller-manager';
const component = 'replicaset-controller';

/** As many pods are created at once, at most. */
export const burst = 500;

interface Failure {
  readonly message: string;
  /** The namespace is being deleted: nothing to report. */
  readonly isTerminating: boolean;
}

/**
 * Creates `count` pods from the template, and stops at the first that is refused: the others would be as well.
 * Returns the API server's error.
 */
export function createPods(cluster: Cluster, set: KubeObject, count: number): string | undefined {
  for (let created = 0; created < Math.min(count, burst); created += 1) {
    const failure = createPod(cluster, set);
    if (failure !== undefined) return failure.isTerminating ? undefined : failure.message;
  }
  return undefined;
}

function createPod(cluster: Cluster, set: KubeObject): Failure | undefined {
  try {
    const draft = canonical(pods, buildPod(set));
    pods.applyDefaults?.(draft);
    const pod = createObject(cluster, pods, set.metadata.namespace, draft, { manager, dryRun: false });
    const message = `Created pod: ${pod.metadata.name}`;
    recordEvent(cluster, set, { type: 'Normal', reason: 'SuccessfulCreate', message }, component);
    return undefined;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const isTerminating = (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating');
    const message = `Error creating: ${error.message}`;
    if (!isTerminating) recordEvent(cluster, set, { type: 'Warning', reason: 'FailedCreate', message }, component);
    return { message: error.message, isTerminating };
  }
}

/** GetPodFromTemplate of pkg/controller/controller_utils.go. */
function buildPod(set: KubeObject): Record<string, unknown> {
  const template = fieldsAt(set, 'spec', 'template');
  const { labels, annotations, finalizers } = fieldsAt(template, 'metadata');
  const { name } = set.metadata;
  return structuredClone({
    metadata: {
      // The dash makes the name prettier; a name that is too long has to do without.
      generateName: subdomainFaults(`${name}-a`).length === 0 ? `${name}-` : name,
      labels,
      annotations,
      finalizers,
      ownerReferences: [buildControllerRef(set)],
    },
    spec: fieldsAt(template, 'spec'),
  });
}

export function deletePods(cluster: Cluster, set: KubeObject, surplus: readonly KubeObject[]): void {
  for (const { metadata } of surplus) {
    removeObject(cluster, pods, metadata.namespace, metadata.name, { dryRun: false });
    const message = `Deleted pod: ${metadata.name}`;
    recordEvent(cluster, set, { type: 'Normal', reason: 'SuccessfulDelete', message }, component);
  }
}
