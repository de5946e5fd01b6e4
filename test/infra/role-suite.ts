import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findKubectls } from '../../infra/local/test/kubernetes/run-kubectl.ts';
import type { Real } from '../real/describe-real.ts';
import { linesOfKubectl, listByKubectl } from './can-i.ts';
import { awaitRight, bindRole, isAllowed, listRights, openUser, rightsOf, type RoleUser } from './role-world.ts';
import { ablations, type Ablation, type Rule } from './roles.ts';

const [kubectl] = findKubectls([]);
const WHY_NO_KUBECTL = kubectl === undefined ? ' (skipped: kubectl is not on the PATH)' : '';

const APPLIED: ReadonlySet<string> = new Set([
  'services',
  'deployments',
  'horizontalpodautoscalers',
  'poddisruptionbudgets',
  'networkpolicies',
  'mappings',
  'httproutes',
]);

export const STRANGER = 'stranger@my-project.iam.gserviceaccount.com';

/** A function in a namespace that contains its Secret. */
export interface AtWork {
  readonly namespace: string;
  /**
   * Performs all calls of the function to the cluster, or those that may need `resource`. Returns the error messages.
   */
  doAll(resource?: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface RoleCase {
  readonly role: string;
  readonly email: string;
  readonly rules: readonly Rule[];
  /** Name of the Secret in the first rule. */
  readonly secret: string;
  readonly open: (real: Real, user: RoleUser, stranger: RoleUser) => Promise<AtWork>;
}

/** The users that the cluster of these suites needs. */
export const usersOf = (cases: readonly RoleCase[]): string[] => [...cases.map(({ email }) => email), STRANGER];

/** Server-side apply is a patch. If `create` is missing, the error names the call that was made. */
const verbsReported = ({ verb, resource }: Ablation): readonly string[] =>
  verb === 'create' && APPLIED.has(resource) ? ['create', 'patch'] : [verb];

/** The tests of a function's Role on a real API server. */
export const roleSuite = (real: () => Real, { role, email, rules, secret, open }: RoleCase): void => {
  describe(`${role}`, { timeout: 120_000 }, () => {
    const cases = ablations(rules);
    let user: RoleUser;
    let stranger: RoleUser;
    let atWork: AtWork;
    let namespace = '';
    let setRules: (given: readonly Rule[]) => Promise<void>;

    beforeAll(async () => {
      user = await openUser(real(), email);
      stranger = await openUser(real(), STRANGER);
      atWork = await open(real(), user, stranger);
      ({ namespace } = atWork);
      setRules = await bindRole(real().api, namespace, `tio-${role}`, email);
    }, 60_000);
    afterAll(async () => {
      await atWork?.close();
      await user?.close();
      await stranger?.close();
    }, 60_000);

    const grant = async (given: readonly Rule[], without?: (typeof cases)[number]): Promise<void> => {
      await setRules(given);
      for (const right of cases) await awaitRight(user, namespace, right, right !== without);
    };

    test('performs all its calls with exactly its Role', async () => {
      await grant(rules);
      await expect(atWork.doAll()).resolves.toEqual([]);
    });

    test.each(cases)('without $verb of $resource a call fails and names the verb', async (right) => {
      await grant(right.rules, right);
      const group = right.apiGroup === '' ? 'the core API group' : `API group ${right.apiGroup}`;
      const expected = verbsReported(right).flatMap((verb) => [
        `user "${email}" may not ${verb} ${right.resource} (${group}) in namespace ${namespace}`,
        // If the function continues, it repeats the message of the API server.
        `User "${email}" cannot ${verb} resource "${right.resource}" in API group "${right.apiGroup}" in the namespace "${namespace}"`,
      ]);
      const reported = await atWork.doAll(right.resource);
      expect(reported.filter((line) => expected.some((words) => line.includes(words)))).not.toEqual([]);
    });

    test('SelfSubjectRulesReview returns its Role, and the rights of every user', async () => {
      await grant(rules);
      const everybody = await listRights(stranger, namespace);
      await expect(listRights(user, namespace)).resolves.toEqual([...everybody, ...rules.flatMap(rightsOf)].toSorted());
      await expect(listRights(user, 'kube-system')).resolves.toEqual(await listRights(stranger, 'kube-system'));
    });

    test.skipIf(kubectl === undefined)(
      `kubectl auth can-i --list shows its Role, and the rights of every user${WHY_NO_KUBECTL}`,
      async () => {
        await grant(rules);
        const list = ({ kubeconfig }: RoleUser) => listByKubectl(kubectl ?? '', kubeconfig, namespace);
        const everybody = await list(stranger);
        const shown = await list(user);
        expect(shown.filter((line) => everybody.includes(line))).toEqual(everybody);
        expect(shown.filter((line) => !everybody.includes(line))).toEqual(rules.flatMap(linesOfKubectl).toSorted());
      },
    );

    test('another Secret and a list of Secrets are refused', async () => {
      await grant(rules);
      const secrets = { apiGroup: '', resource: 'secrets', name: secret, verb: 'get' };
      await expect(isAllowed(user, namespace, secrets)).resolves.toBe(true);
      const refused = [
        { ...secrets, name: 'another' },
        ...['list', 'watch', 'update', 'delete'].map((verb) => ({ ...secrets, verb })),
        ...['get', 'list', 'watch'].map((verb) => ({ ...secrets, verb, name: undefined })),
      ];
      for (const right of refused) await expect(isAllowed(user, namespace, right)).resolves.toBe(false);
    });
  });
};
