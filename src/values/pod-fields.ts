import type { V1Affinity, V1PodSecurityContext, V1SecurityContext, V1Toleration } from '@kubernetes/client-node';
import * as z from 'zod';
import { freeKeyField, line, quantityField, textField } from './fields.ts';
import {
  DNS_SUBDOMAIN,
  IMAGE_DIGEST,
  IMAGE_REPOSITORY,
  IMAGE_TAG,
  LABEL_KEY,
  LABEL_VALUE,
} from './kubernetes-syntax.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject } from './json.ts';

const quantities = z.record(
  textField({ ...LABEL_KEY, what: 'the name of a resource, such as cpu, memory or nvidia.com/gpu' }),
  quantityField,
);

const ResourcesSchema = z
  .strictObject({
    limits: quantities.optional().describe('Limits by resource, for example memory: 4Gi.'),
    requests: quantities.optional().describe('Requests by resource, for example cpu: 500m.'),
  })
  .meta({ id: 'Resources' });

/** A pod may not own its node; no aggregation and no service needs that. */
const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC', 'ephemeralContainers'] as const;
// The only capability that the Pod Security Standard `restricted` lets a container add.
const ALLOWED_CAPABILITY = 'NET_BIND_SERVICE';

/** A part of a pod in Kubernetes' own form. Its fields are not listed here: the API server's strict dry run checks them. */
export function kubernetes<T>(what: string, refuse: (value: JsonObject) => readonly Fault[] = () => []) {
  return z
    .looseObject({})
    .superRefine((value, context) => {
      for (const { path, message } of refuse(JSON.parse(JSON.stringify(value))))
        context.addIssue({ code: 'custom', path: [...path], message });
    })
    .describe(what)
    .transform((value): T => JSON.parse(JSON.stringify(value)));
}

export interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const PodSecurityContextSchema = kubernetes<V1PodSecurityContext>('A PodSecurityContext of Kubernetes.');
const SecurityContextSchema = kubernetes<V1SecurityContext>('A SecurityContext of Kubernetes.', privilegeFaults);

/** What of a container's security context would give it the node. */
function privilegeFaults(context: JsonObject): Fault[] {
  const { privileged, capabilities } = context;
  const added = isJsonObject(capabilities) && Array.isArray(capabilities['add']) ? capabilities['add'] : [];
  return [
    ...(privileged === undefined || privileged === false
      ? []
      : [{ path: ['privileged'], message: 'can only be false: a privileged container owns its node' }]),
    ...added.flatMap((name, index) =>
      name === ALLOWED_CAPABILITY
        ? []
        : [{ path: ['capabilities', 'add', index], message: `can only hold ${ALLOWED_CAPABILITY}` }],
    ),
  ];
}

/** What of a pod's spec would give it the node. */
function hostFaults(pod: JsonObject): Fault[] {
  const containers = ['containers', 'initContainers'].flatMap((list) =>
    entriesOf(pod, list).flatMap(([index, container]) => containerFaults(container).map(under(list, index))),
  );
  const volumes = entriesOf(pod, 'volumes').flatMap(([index, volume]) =>
    volume['hostPath'] === undefined
      ? []
      : [
          {
            path: ['volumes', index, 'hostPath'],
            message: 'is refused: the pod would read and write files of its node',
          },
        ],
  );
  const host = HOST_FIELDS.filter((field) => pod[field] !== undefined && pod[field] !== false).map((field) => ({
    path: [field],
    message: 'is refused: the pod would share its node or be changed after its checks',
  }));
  return [...host, ...containers, ...volumes];
}

function containerFaults(container: JsonObject): Fault[] {
  const context = container['securityContext'];
  return [
    ...(isJsonObject(context) ? privilegeFaults(context).map(under('securityContext')) : []),
    ...entriesOf(container, 'ports').flatMap(([index, port]) =>
      port['hostPort'] === undefined
        ? []
        : [{ path: ['ports', index, 'hostPort'], message: 'is refused: it opens a port of the node' }],
    ),
  ];
}

function entriesOf(object: JsonObject, field: string): [number, JsonObject][] {
  const list = object[field];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry, index): [number, JsonObject][] => (isJsonObject(entry) ? [[index, entry]] : []));
}

function under(...prefix: (string | number)[]) {
  return ({ path, message }: Fault): Fault => ({ path: [...prefix, ...path], message });
}

/** Annotations that neither this service nor a controller sets. */
export const annotationsField = z.record(
  freeKeyField,
  z.union([z.literal(''), textField({ ...line('text', 262_144), test: isAnnotation })]),
);

const pullSecret = textField(DNS_SUBDOMAIN);

/** `imagePullSecrets: [name]`, or `[{name: name}]` as Kubernetes writes it. */
const PullSecretSchema = z
  .union([
    pullSecret,
    z.strictObject({ name: pullSecret.describe('Name of the Secret.') }).transform(({ name }) => name),
  ])
  .meta({ id: 'PullSecret' });

/** The image. */
export const imageFields = {
  repository: textField(IMAGE_REPOSITORY).optional().describe('Image repository, without tag and digest.'),
  tag: textField(IMAGE_TAG).optional().describe('Image tag. Write it in quotes: YAML reads 1.10 as a number.'),
  digest: textField(IMAGE_DIGEST).optional().describe('Image digest. Used instead of the tag.'),
  pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional().describe('When the image is pulled.'),
};

/** Labels and annotations of the pods, which are no part of a PodSpec. */
export const podMetadataFields = {
  podLabels: z.record(freeKeyField, textField(LABEL_VALUE)).optional().describe('Further labels of the pod.'),
  podAnnotations: annotationsField.optional().describe('Further annotations of the pod.'),
};

/** Where the pods run and with which identity. */
export const podFields = {
  imagePullSecrets: z
    .array(PullSecretSchema)
    .optional()
    .describe('Secrets with the credentials for the image registry, as names or as {name: ...}.'),
  resources: ResourcesSchema.optional().describe('Resources of the container: requests and limits.'),
  nodeSelector: z
    .record(textField(LABEL_KEY), textField(LABEL_VALUE))
    .optional()
    .describe('Labels that the node must have.'),
  tolerations: z
    .array(kubernetes<V1Toleration>('A Toleration of Kubernetes.'))
    .optional()
    .describe('Tolerations of the pod, in the form of Kubernetes.'),
  affinity: kubernetes<V1Affinity>('An Affinity of Kubernetes.')
    .optional()
    .describe('Affinity of the pod, in the form of Kubernetes.'),
  priorityClassName: textField(DNS_SUBDOMAIN).optional().describe('PriorityClass of the pod.'),
  serviceAccountName: textField(DNS_SUBDOMAIN)
    .optional()
    .describe('Kubernetes service account of the pod, for example one with Workload Identity.'),
  ...podMetadataFields,
  podSecurityContext: PodSecurityContextSchema.optional().describe(
    'Security context of the pod, in the form of Kubernetes.',
  ),
  securityContext: SecurityContextSchema.optional().describe(
    'Security context of the container, in the form of Kubernetes. It cannot be privileged.',
  ),
};

/** A part of a PodSpec, merged over the pod that the other fields make, as `kubectl patch` merges it. */
export type PodOverlay = Readonly<Record<string, unknown>>;
export const PodOverlaySchema = kubernetes<PodOverlay>(
  'A part of a PodSpec of Kubernetes, merged over the pod as a strategic merge patch.',
  hostFaults,
);

function isAnnotation(text: string): boolean {
  return text.length <= 262_144 && text.isWellFormed();
}
