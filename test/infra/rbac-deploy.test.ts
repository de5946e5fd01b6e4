import { createApiReleaseWorld } from '../release/api-world.ts';
import { describeReal } from '../real/describe-real.ts';
import { doDeployWork } from './deploy-work.ts';
import { type RoleCase, roleSuite, usersOf } from './role-suite.ts';
import { readOptions, readRole, rulesFor } from './roles.ts';
import { installRoutingKinds } from './routing-kinds.ts';

/** Of the examples in infra/values. */
const SECRET = 'tensorio-models';

const DEPLOY: RoleCase = {
  role: 'deploy',
  email: 'tio-deploy@my-project.iam.gserviceaccount.com',
  rules: [...rulesFor(readRole('deploy'), [SECRET]), ...readOptions()],
  secret: SECRET,
  open: async (real, { kubeconfig }) => {
    await installRoutingKinds(real.api);
    const world = await createApiReleaseWorld(real.access);
    await world.putSecret(SECRET, ['sacred.json', 'sacred.pem', 'googleAccessId']);
    return {
      namespace: world.namespace,
      doAll: async (resource) => {
        const said = await doDeployWork(world, kubeconfig, resource);
        // What a release left that could not be carried to its end.
        for (const path of ['/apis/apps/v1', '/apis/batch/v1'])
          await real.api.send(
            'DELETE',
            `${path}/namespaces/${world.namespace}/${path.includes('batch') ? 'jobs' : 'deployments'}`,
          );
        return said;
      },
      close: () => world.close(),
    };
  },
};

describeReal(
  'the Role of infra/kubernetes and its options, on a real API server',
  (real) => {
    roleSuite(real, DEPLOY);
  },
  { users: usersOf([DEPLOY]) },
);
