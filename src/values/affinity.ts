import { z } from 'zod';
import { line, textField, wholeNumber } from './fields.ts';
import { DNS_LABEL, LABEL_KEY, LABEL_VALUE } from './kubernetes-syntax.ts';

/** V1Affinity, every key of it: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
const labelKey = textField(LABEL_KEY);
const values = z.array(textField(LABEL_VALUE)).optional();

const NodeRequirementSchema = z.strictObject({
  key: labelKey,
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values,
});

const NodeFieldSchema = z.strictObject({
  key: z.literal('metadata.name'),
  operator: z.enum(['In', 'NotIn']),
  values: z.array(textField(line('the name of a node', 253))).length(1),
});

const NodeTermSchema = z.strictObject({
  matchExpressions: z.array(NodeRequirementSchema).optional(),
  matchFields: z.array(NodeFieldSchema).optional(),
});

const weight = wholeNumber(1, 100);

const NodeAffinitySchema = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z
    .strictObject({ nodeSelectorTerms: z.array(NodeTermSchema).min(1) })
    .optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight, preference: NodeTermSchema }))
    .optional(),
});

const LabelSelectorSchema = z.strictObject({
  matchLabels: z.record(labelKey, textField(LABEL_VALUE)).optional(),
  matchExpressions: z
    .array(z.strictObject({ key: labelKey, operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']), values }))
    .optional(),
});

const PodTermSchema = z.strictObject({
  topologyKey: labelKey,
  labelSelector: LabelSelectorSchema.optional(),
  matchLabelKeys: z.array(labelKey).optional(),
  mismatchLabelKeys: z.array(labelKey).optional(),
  namespaces: z.array(textField(DNS_LABEL)).optional(),
  namespaceSelector: LabelSelectorSchema.optional(),
});

const PodAffinitySchema = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(PodTermSchema).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight, podAffinityTerm: PodTermSchema }))
    .optional(),
});

export const AffinitySchema = z.strictObject({
  nodeAffinity: NodeAffinitySchema.optional(),
  podAffinity: PodAffinitySchema.optional(),
  podAntiAffinity: PodAffinitySchema.optional(),
});
