import { z } from 'zod';
import { AffinitySchema } from './affinity.ts';
import { freeKeyField, line, quantityField, textField, wholeNumber } from './fields.ts';
import {
  DNS_SUBDOMAIN,
  IMAGE_DIGEST,
  IMAGE_REPOSITORY,
  IMAGE_TAG,
  LABEL_KEY,
  LABEL_VALUE,
} from './kubernetes-syntax.ts';
import { PodSecurityContextSchema, SecurityContextSchema } from './security-context.ts';

const quantities = z.record(
  textField({ ...LABEL_KEY, what: 'the name of a resource, such as cpu, memory or nvidia.com/gpu' }),
  quantityField,
);

const ResourcesSchema = z.strictObject({ limits: quantities.optional(), requests: quantities.optional() });

/** https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
const TolerationSchema = z
  .strictObject({
    key: textField(LABEL_KEY).optional(),
    operator: z.enum(['Equal', 'Exists']).optional(),
    value: textField(LABEL_VALUE).optional(),
    effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
    tolerationSeconds: z.int().optional(),
  })
  .superRefine((toleration, context) => {
    const exists = toleration.operator === 'Exists';
    function add(path: string, message: string): void {
      return context.addIssue({ code: 'custom', path: [path], message });
    }
    if (exists && toleration.value !== undefined)
      add('value', 'cannot stand beside operator: Exists, which takes any value: leave it out');
    if (!exists && toleration.key === undefined) add('key', 'is missing: only operator: Exists can do without a key');
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== 'NoExecute') {
      add('tolerationSeconds', 'means something only beside effect: NoExecute: set that, or leave this out');
    }
  });

const pullSecret = textField(DNS_SUBDOMAIN);

/** `imagePullSecrets: [name]`, or `[{name: name}]` as Kubernetes writes it. */
const PullSecretSchema = z.union([pullSecret, z.strictObject({ name: pullSecret }).transform(({ name }) => name)]);

/** Which image. */
export const imageFields = {
  repository: textField(IMAGE_REPOSITORY).optional(),
  tag: textField(IMAGE_TAG).optional(),
  digest: textField(IMAGE_DIGEST).optional(),
  pullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
  imagePullSecrets: z.array(PullSecretSchema).optional(),
};

/** Where and as what the pods run. */
export const podFields = {
  resources: ResourcesSchema.optional(),
  nodeSelector: z.record(textField(LABEL_KEY), textField(LABEL_VALUE)).optional(),
  tolerations: z.array(TolerationSchema).optional(),
  affinity: AffinitySchema.optional(),
  priorityClassName: textField(DNS_SUBDOMAIN).optional(),
  serviceAccountName: textField(DNS_SUBDOMAIN).optional(),
  podLabels: z.record(freeKeyField, textField(LABEL_VALUE)).optional(),
  podAnnotations: z
    .record(freeKeyField, z.union([z.literal(''), textField({ ...line('text', 262_144), test: isAnnotation })]))
    .optional(),
  podSecurityContext: PodSecurityContextSchema.optional(),
  securityContext: SecurityContextSchema.optional(),
};

/** Seconds: a signed 32-bit number is the longest a Kubernetes field takes. */
export function seconds(min: number) {
  return wholeNumber(min, 2_147_483_647);
}

function isAnnotation(text: string): boolean {
  return text.length <= 262_144 && text.isWellFormed();
}
