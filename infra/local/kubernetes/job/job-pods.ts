import { fieldsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import type { KubeObject } from '../types.ts';
import { trackingFinalizer } from './pod-views.ts';

/** The pod a Job creates from its template. */
export function buildJobPod(job: KubeObject): Fields {
  const template = fieldsAt(job, 'spec', 'template');
  const metadata = fieldsAt(template, 'metadata');
  const finalizers = Array.isArray(metadata['finalizers']) ? metadata['finalizers'] : [];
  return structuredClone({
    metadata: {
      generateName: `${job.metadata.name}-`,
      namespace: job.metadata.namespace,
      labels: metadata['labels'],
      annotations: metadata['annotations'],
      finalizers: [...finalizers.filter((each) => each !== trackingFinalizer), trackingFinalizer],
      ownerReferences: [
        {
          apiVersion: job.apiVersion,
          kind: job.kind,
          name: job.metadata.name,
          uid: job.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: fieldsAt(template, 'spec'),
  });
}

/** The Job that controls a pod, as its owner reference says. */
export function controllerOf(pod: KubeObject): { readonly name: string; readonly uid: string } | undefined {
  const owner = pod.metadata.ownerReferences?.find((each) => each.controller === true && each.kind === 'Job');
  return owner && { name: owner.name, uid: stringAt({ ...owner }, 'uid') };
}
