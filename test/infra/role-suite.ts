import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findKubectls } from '../../infra/local/test/kubernetes/run-kubectl.ts';
import type { Real } from '../real/describe-real.ts';
import { linesOfKubectl, listByKubectl } from './can-i.ts';
import { awaitRight, bindRole, isAllowed, listRights, openUser, rightsOf, type RoleUser } from './role-world.ts';
import { ablations, type Ablation, type Rule } from './roles.ts';

const [kubectl] = findKubectls([]);
const WHY_NO_KUBECTL = kubectl === undefined ? ' (skipped: there is no kubectl on the PATH)' : '';

const APPLIED: ReadonlySet<string> = new Set(['services', 'deployments', 'mappings', 'httproutes']);

export const STRANGER = 'stranger@my-project.iam.gserviceaccount.com';

/** A function at work in a namespace, with its Secret there. */
export interface AtWork {
  readonly namespace: string;
  /**
   * Does everything the function does in the cluster, or what may need a resource; answers what went wrong, in the
   * program's words.
   */
  doAll(resource?: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface RoleCase {
  readonly role: string;
  readonly email: string;
  readonly rules: readonly Rule[];
  /** Of the Secret that the first rule names. */
  readonly secret: string;
  readonly open: (real: Real, user: RoleUser, stranger: RoleUser) => Promise<AtWork>;
}

/** The users that a cluster for these suites needs. */
export const usersOf = (cases: readonly RoleCase[]): string[] => [...cases.map(({ email }) => email), STRANGER];

/** Server-side apply is a patch to the program; that the API server missed `create` is told as the call that was made. */
const verbsTold = ({ verb, resource }: Ablation): readonly string[] =>
  verb === 'create' && APPLIED.has(resource) ? ['create', 'patch'] : [verb];

/** What must hold of a function's Role on a real API server. */
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

    test('does all its work as exactly its Role', async () => {
      await grant(rules);
      await expect(atWork.doAll()).resolves.toEqual([]);
    });

    test.each(cases)('without $verb of $resource a call fails, and says so', async (right) => {
      await grant(right.rules, right);
      const group = right.apiGroup === '' ? 'the core API group' : `API group ${right.apiGroup}`;
      const told = verbsTold(right).flatMap((verb) => [
        `user "${email}" may not ${verb} ${right.resource} (${group}) in namespace ${namespace}`,
        // Where the program goes on, it repeats what the API server said.
        `User "${email}" cannot ${verb} resource "${right.resource}" in API group "${right.apiGroup}" in the namespace "${namespace}"`,
      ]);
      const said = await atWork.doAll(right.resource);
      expect(said.filter((line) => told.some((words) => line.includes(words)))).not.toEqual([]);
    });

    test('what kubectl auth can-i --list asks answers its Role, and nothing more than everybody has', async () => {
      await grant(rules);
      const everybody = await listRights(stranger, namespace);
      await expect(listRights(user, namespace)).resolves.toEqual([...everybody, ...rules.flatMap(rightsOf)].toSorted());
      await expect(listRights(user, 'kube-system')).resolves.toEqual(await listRights(stranger, 'kube-system'));
    });

    test.skipIf(kubectl === undefined)(
      `kubectl auth can-i --list shows its Role, and nothing more than everybody sees${WHY_NO_KUBECTL}`,
      async () => {
        await grant(rules);
        const list = ({ kubeconfig }: RoleUser) => listByKubectl(kubectl ?? '', kubeconfig, namespace);
        const everybody = await list(stranger);
        const shown = await list(user);
        expect(shown.filter((line) => everybody.includes(line))).toEqual(everybody);
        expect(shown.filter((line) => !everybody.includes(line))).toEqual(rules.flatMap(linesOfKubectl).toSorted());
      },
    );

    test('another Secret is out of reach, and so is a list of Secrets', async () => {
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
