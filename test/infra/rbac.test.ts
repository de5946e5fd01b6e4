import { describeReal } from '../real/describe-real.ts';
import { AGGREGATE_WORK } from './aggregate-work.ts';
import { SECRET } from './function-deps.ts';
import { ON_CHECKPOINT_WORK } from './on-checkpoint-work.ts';
import { type RoleCase, roleSuite, usersOf } from './role-suite.ts';
import { type FunctionRole, readRole, rulesFor } from './roles.ts';
import { doAll, type Work } from './work.ts';

const caseOf = (role: FunctionRole, work: readonly Work[]): RoleCase => ({
  role,
  email: `tio-${role}@my-project.iam.gserviceaccount.com`,
  rules: rulesFor(readRole(role), [SECRET]),
  secret: SECRET,
  open: async (real, { kubeconfig }, stranger) => {
    const { api: admin } = real;
    const namespace = `${real.namespace}-${role}`;
    await admin.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
    const secret = { metadata: { name: SECRET }, stringData: { 'sacred.json': '{}' } };
    await admin.send('POST', `/api/v1/namespaces/${namespace}/secrets`, secret);
    const place = { admin, namespace, kubeconfig, strangerKubeconfig: stranger.kubeconfig };
    return { namespace, doAll: () => doAll(work, place), close: async () => undefined };
  },
});

const CASES = [caseOf('aggregate', AGGREGATE_WORK), caseOf('oncheckpoint', ON_CHECKPOINT_WORK)];

describeReal(
  'the Roles of infra/kubernetes, on a real API server',
  (real) => {
    for (const each of CASES) roleSuite(real, each);
  },
  { users: usersOf(CASES) },
);
