import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { createRawApi, type RawApi } from '../contracts/raw-api.ts';
import type { Real } from '../real/describe-real.ts';
import { buildKubeconfig } from '../real/cluster.ts';
import type { Ablation, Rule } from './roles.ts';

const RBAC = 'rbac.authorization.k8s.io';

/** A user of the cluster: a kubeconfig with the token, and the API as that user. */
export interface RoleUser {
  readonly name: string;
  readonly kubeconfig: string;
  readonly api: RawApi;
  close(): Promise<void>;
}

/** The kubeconfig of a user of `real`. */
export const openUser = async (real: Real, name: string): Promise<RoleUser> => {
  const token = real.users[name];
  const { server, caPem } = await real.access.endpoint();
  if (token === undefined || caPem === undefined) throw new Error(`the cluster has no user ${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-user-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, buildKubeconfig(server, caPem, token), { mode: 0o600 });
  const api = await createRawApi(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }));
  const close = async (): Promise<void> => {
    await api.close();
    rmSync(folder, { recursive: true });
  };
  return { name, kubeconfig, api, close };
};

const ReviewSchema = z.object({ status: z.object({ allowed: z.boolean().default(false) }) });

/** Whether the API server allows the verb to the user now, as `kubectl auth can-i` does. */
export const isAllowed = async (
  user: RoleUser,
  namespace: string,
  right: Omit<Ablation, 'rules'>,
): Promise<boolean> => {
  const [resource, subresource] = right.resource.split('/');
  const answer = await user.api.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    spec: {
      resourceAttributes: {
        namespace,
        verb: right.verb,
        group: right.apiGroup,
        resource,
        ...(subresource !== undefined && { subresource }),
        ...(right.name !== undefined && { name: right.name }),
      },
    },
  });
  return ReviewSchema.parse(answer.json).status.allowed;
};

/** Waits until the API server applies a changed Role, which it watches. Throws after 10 s. */
export const awaitRight = async (
  user: RoleUser,
  namespace: string,
  right: Omit<Ablation, 'rules'>,
  wanted: boolean,
): Promise<void> => {
  const endsAt = Date.now() + 10_000;
  while ((await isAllowed(user, namespace, right)) !== wanted) {
    if (Date.now() > endsAt) throw new Error(`${user.name}: ${right.verb} ${right.resource} is still ${!wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** Creates the Role and its binding to `user`. Returns a function that replaces the rules. */
export const bindRole = async (admin: RawApi, namespace: string, name: string, user: string) => {
  const base = `/apis/${RBAC}/v1/namespaces/${namespace}`;
  await admin.send('POST', `${base}/roles`, { metadata: { name }, rules: [] });
  await admin.send('POST', `${base}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'Role', name },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: user }],
  });
  return async (rules: readonly Rule[]): Promise<void> => {
    await admin.send('PATCH', `${base}/roles/${name}`, { rules });
  };
};

const RulesReviewSchema = z.object({
  status: z.object({
    incomplete: z.boolean(),
    resourceRules: z.array(
      z.object({
        verbs: z.array(z.string()),
        apiGroups: z.array(z.string()).default([]),
        resources: z.array(z.string()).default([]),
        resourceNames: z.array(z.string()).default([]),
      }),
    ),
    nonResourceRules: z.array(z.object({ verbs: z.array(z.string()), nonResourceURLs: z.array(z.string()) })),
  }),
});

/** The rights of a user (SelfSubjectRulesReview), one line per verb, sorted. */
export const listRights = async (user: RoleUser, namespace: string): Promise<readonly string[]> => {
  const answer = await user.api.send('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
    spec: { namespace },
  });
  const { incomplete, resourceRules, nonResourceRules } = RulesReviewSchema.parse(answer.json).status;
  if (incomplete) throw new Error('the API server could not list all rights');
  return [
    ...resourceRules.flatMap((rule) => rightsOf(rule)),
    ...nonResourceRules.flatMap(({ verbs, nonResourceURLs }) =>
      nonResourceURLs.flatMap((url) => verbs.map((verb) => `${verb} ${url}`)),
    ),
  ].toSorted();
};

/** `get secrets.core [sacred]`: one line per verb and resource. */
export const rightsOf = (rule: Omit<Rule, 'apiGroups'> & { readonly apiGroups: readonly string[] }): string[] =>
  rule.apiGroups.flatMap((group) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.map(
        (verb) => `${verb} ${resource}.${group === '' ? 'core' : group} [${(rule.resourceNames ?? []).join(' ')}]`,
      ),
    ),
  );
