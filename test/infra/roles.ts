import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** The path of infra/kubernetes, with a slash at the end. */
export const KUBERNETES_FOLDER = fileURLToPath(new URL('../../infra/kubernetes/', import.meta.url));

const RuleSchema = z.strictObject({
  apiGroups: z.array(z.string()).length(1),
  resources: z.array(z.string()).min(1),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()).min(1),
});
export type Rule = z.infer<typeof RuleSchema>;

const RoleSchema = z.strictObject({
  apiVersion: z.literal('rbac.authorization.k8s.io/v1'),
  kind: z.literal('Role'),
  metadata: z.strictObject({ name: z.string(), namespace: z.string().optional() }),
  rules: z.array(RuleSchema),
});
export type Role = z.infer<typeof RoleSchema>;

const BindingSchema = z.strictObject({
  apiVersion: z.literal('rbac.authorization.k8s.io/v1'),
  kind: z.literal('RoleBinding'),
  metadata: z.strictObject({ name: z.string(), namespace: z.string().optional() }),
  roleRef: z.strictObject({
    apiGroup: z.literal('rbac.authorization.k8s.io'),
    kind: z.literal('Role'),
    name: z.string(),
  }),
  subjects: z
    .array(
      z.strictObject({ apiGroup: z.literal('rbac.authorization.k8s.io'), kind: z.literal('User'), name: z.string() }),
    )
    .length(1),
});
export type Binding = z.infer<typeof BindingSchema>;

export type FunctionRole = 'aggregate' | 'oncheckpoint' | 'deploy';

/** The Roles and RoleBindings in a YAML stream. Throws for any other object, such as a ClusterRole, and unknown fields. */
export const parseRoles = (
  text: string,
): { readonly roles: readonly Role[]; readonly bindings: readonly Binding[] } => {
  const documents = parseAllDocuments(text).map((document): unknown => document.toJS());
  const isKind = (kind: string) => (document: unknown) =>
    typeof document === 'object' && document !== null && 'kind' in document && document.kind === kind;
  const isBinding = isKind('RoleBinding');
  return {
    roles: documents.filter((document) => !isBinding(document)).map((document) => RoleSchema.parse(document)),
    bindings: documents.filter(isBinding).map((document) => BindingSchema.parse(document)),
  };
};

/** The Role of a function as written, before an overlay names its Secrets. */
export const readRole = (name: FunctionRole): Role => {
  const { roles } = parseRoles(readFileSync(`${KUBERNETES_FOLDER}functions/${name}/role.yaml`, 'utf8'));
  const [role] = roles;
  if (role === undefined || roles.length > 1)
    throw new Error(`functions/${name}/role.yaml contains ${roles.length} Roles`);
  return role;
};

const OptionSchema = z.object({ patches: z.array(z.object({ patch: z.string() })).length(1) });
const PatchSchema = z
  .array(z.object({ op: z.literal('add'), path: z.literal('/rules/-'), value: RuleSchema }))
  .length(1);

/** The rules that the options add to the Role of `deploy`. */
export const readOptions = (): readonly Rule[] =>
  readdirSync(`${KUBERNETES_FOLDER}options`).flatMap((option) => {
    const text = readFileSync(`${KUBERNETES_FOLDER}options/${option}/kustomization.yaml`, 'utf8');
    const { patches } = OptionSchema.parse(parse(text));
    return patches.flatMap(({ patch }) => PatchSchema.parse(parse(patch)).map(({ value }) => value));
  });

/** The rules of `role`, with `secrets` as the resourceNames of the first one, as the overlays set them. */
export const rulesFor = (role: Role, secrets: readonly string[]): readonly Rule[] =>
  role.rules.map((rule, index) => (index === 0 ? { ...rule, resourceNames: [...secrets] } : rule));

/** One verb of one resource, and the rules without it. */
export interface Ablation {
  readonly apiGroup: string;
  readonly resource: string;
  readonly verb: string;
  readonly name: string | undefined;
  readonly rules: readonly Rule[];
}

/** Every verb of every rule, each with the remaining rules. */
export const ablations = (rules: readonly Rule[]): readonly Ablation[] =>
  rules.flatMap((rule, index) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.map((verb) => {
        const others = rule.resources.filter((each) => each !== resource);
        const verbs = rule.verbs.filter((each) => each !== verb);
        const left = [
          ...(others.length > 0 ? [{ ...rule, resources: others }] : []),
          ...(verbs.length > 0 ? [{ ...rule, resources: [resource], verbs }] : []),
        ];
        return {
          apiGroup: rule.apiGroups[0] ?? '',
          resource,
          verb,
          name: rule.resourceNames?.[0],
          rules: [...rules.slice(0, index), ...left, ...rules.slice(index + 1)],
        };
      }),
    ),
  );
