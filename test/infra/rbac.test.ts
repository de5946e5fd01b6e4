import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeReal } from '../real/describe-real.ts';
import { SECRET } from './function-deps.ts';
import { AGGREGATE_WORK, doAll, ON_CHECKPOINT_WORK, type Work, type Workplace } from './function-work.ts';
import { awaitRight, bindRole, isAllowed, listRights, openUser, rightsOf, type RoleUser } from './role-world.ts';
import { ablations, type FunctionRole, readRole, type Rule, rulesFor } from './roles.ts';

const STRANGER = 'stranger@my-project.iam.gserviceaccount.com';
const FUNCTIONS: readonly { readonly role: FunctionRole; readonly work: readonly Work[] }[] = [
  { role: 'aggregate', work: AGGREGATE_WORK },
  { role: 'oncheckpoint', work: ON_CHECKPOINT_WORK },
];
const emailOf = (role: FunctionRole): string => `tio-${role}@my-project.iam.gserviceaccount.com`;

describeReal(
  'the Roles of infra/kubernetes, on a real API server',
  (real) => {
    describe.each(FUNCTIONS)('$role', ({ role, work }) => {
      const rules = rulesFor(readRole(role), [SECRET]);
      const cases = ablations(rules);
      let user: RoleUser;
      let stranger: RoleUser;
      let place: Workplace;
      let setRules: (given: readonly Rule[]) => Promise<void>;

      // The function's own namespace, its Secret, its Role bound to its user, and another user without any right.
      beforeAll(async () => {
        const { api } = real();
        const namespace = `${real().namespace}-${role}`;
        await api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
        const secret = { metadata: { name: SECRET }, stringData: { 'sacred.json': '{}' } };
        await api.send('POST', `/api/v1/namespaces/${namespace}/secrets`, secret);
        user = await openUser(real(), emailOf(role));
        stranger = await openUser(real(), STRANGER);
        place = { admin: api, namespace, kubeconfig: user.kubeconfig, strangerKubeconfig: stranger.kubeconfig };
        setRules = await bindRole(api, namespace, `tio-${role}`, user.name);
      });
      afterAll(async () => {
        await user.close();
        await stranger.close();
      });

      test('does all its work as exactly its Role', async () => {
        await setRules(rules);
        for (const right of cases) await awaitRight(user, place.namespace, right, true);
        await expect(doAll(work, place)).resolves.toEqual([]);
      }, 60_000);

      test.each(cases)(
        'without $verb of $resource a call fails, and says so',
        async (right) => {
          await setRules(right.rules);
          await awaitRight(user, place.namespace, right, false);
          const left = right.rules.flatMap(rightsOf);
          for (const other of cases.filter((each) => each !== right))
            await awaitRight(user, place.namespace, other, true);
          expect(left).toHaveLength(cases.length - 1);
          const group = right.apiGroup === '' ? 'the core API group' : `API group ${right.apiGroup}`;
          const said = `user "${user.name}" may not ${right.verb} ${right.resource} (${group}) in namespace ${place.namespace}`;
          await expect(doAll(work, place)).resolves.toContainEqual(expect.stringContaining(said));
        },
        60_000,
      );

      test('kubectl auth can-i --list shows its Role, and nothing more than everybody has', async () => {
        await setRules(rules);
        for (const right of cases) await awaitRight(user, place.namespace, right, true);
        const everybody = await listRights(stranger, place.namespace);
        const expected = [...everybody, ...rules.flatMap(rightsOf)].toSorted();
        await expect(listRights(user, place.namespace)).resolves.toEqual(expected);
        await expect(listRights(user, 'kube-system')).resolves.toEqual(await listRights(stranger, 'kube-system'));
      });

      test('another Secret is out of reach, and so is a list of Secrets', async () => {
        await setRules(rules);
        const secrets = { apiGroup: '', resource: 'secrets', name: SECRET, verb: 'get' };
        await awaitRight(user, place.namespace, secrets, true);
        const refused = [
          { ...secrets, name: 'another' },
          ...['list', 'watch', 'update', 'delete'].map((verb) => ({ ...secrets, verb })),
          ...['get', 'list', 'watch'].map((verb) => ({ ...secrets, verb, name: undefined })),
        ];
        for (const right of refused) await expect(isAllowed(user, place.namespace, right)).resolves.toBe(false);
      });
    });
  },
  { users: [...FUNCTIONS.map(({ role }) => emailOf(role)), STRANGER] },
);
