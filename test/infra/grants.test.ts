import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXAMPLE, openShell, SCRIPT, type ScriptResult } from './deploy-script.ts';
import { INFRA_FOLDER } from './terraform-tool.ts';

const hasBash = spawnSync('bash', ['--version'], { stdio: 'ignore' }).status === 0;
const why = hasBash ? '' : ' (skipped: there is no bash on the PATH)';

/** `member role where`: every grant that infra/tests/members.tftest.hcl expects of Terraform. */
const grantsOfTerraform = (): readonly string[] => {
  const text = readFileSync(join(INFRA_FOLDER, 'tests/members.tftest.hcl'), 'utf8');
  return [...text.matchAll(/^ +"((?:serviceAccount|user):\S+ \S+ \S+)",$/gm)].map(([, grant = '']) => grant).toSorted();
};

/** The same system as in that file. */
const SETTINGS = [
  'OUTPUT_BUCKETS=my-models',
  'VALUES_URI=gs://my-config/values.yaml',
  'AGGREGATOR_MEMBERS=serviceAccount:aggregator@p',
  'INVOKERS=user:a@example.com',
  'DEPLOY_INVOKERS=user:d@example.com',
].join('\n');

const start = (settings: string): Promise<ScriptResult> => {
  const shell = openShell();
  const file = shell.settings(`${readFileSync(EXAMPLE, 'utf8')}\n${settings}`);
  return shell.run([SCRIPT, '--settings', file], 'nothing');
};

const results = new Map<string, Promise<ScriptResult>>();

/** What the script does with `settings`: run once, for it takes seconds. */
const run = (settings: string): Promise<ScriptResult> => {
  const result = results.get(settings) ?? start(settings);
  results.set(settings, result);
  return result;
};

const flag = (call: readonly string[], name: string): string =>
  call.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';

/** Members by the short names of members.tftest.hcl, and where they may: a project, a bucket, a service. */
const grantsOf = ({ calls }: ScriptResult): readonly string[] =>
  calls
    .filter((call) => call.includes('add-iam-policy-binding'))
    .map((call) => {
      const member = flag(call, 'member')
        .replace(/^(serviceAccount:)tio-(\w+)@my-project\.iam\.gserviceaccount\.com$/, '$1$2@p')
        .replace(/^(serviceAccount:)service-1@gs-project-accounts\..*$/, '$1storage-agent@p');
      const where = call[call.indexOf('add-iam-policy-binding') + 1] ?? '';
      return `${member} ${flag(call, 'role')} ${where.replace('gs://', '')}`;
    })
    .toSorted();

const permissionsOf = ({ calls }: ScriptResult): readonly string[] =>
  calls
    .filter((call) => call.slice(0, 3).join(' ') === 'iam roles create')
    .flatMap((call) => flag(call, 'permissions').split(','));

/** The way of the three functions to the cluster. */
const wayOf = (result: ScriptResult): readonly string[] => {
  const isWay = /roles\/container|roles\/gkehub|ClusterConnect/;
  return grantsOf(result).filter((grant) => isWay.test(grant));
};

const toAllFunctions = (role: string, project: string): readonly string[] =>
  ['aggregate', 'deploy', 'oncheckpoint'].map((name) => `serviceAccount:${name}@p ${role} ${project}`);

const OFF = 'GKE_CLUSTER=';

describe.skipIf(!hasBash)(`deploy.sh grants what Terraform grants${why}`, { timeout: 60_000 }, () => {
  test('to each member on each project, bucket and service, and nothing else', async () => {
    const wanted = grantsOfTerraform();
    expect(wanted.length).toBeGreaterThan(20);
    expect(grantsOf(await run(SETTINGS))).toEqual(wanted);
  });

  test('nobody unknown calls, and all run and call as themselves', async () => {
    const { calls } = await run(SETTINGS);
    const email = (name: string): string => `tio-${name}@my-project.iam.gserviceaccount.com`;
    const deploys = calls.filter((call) => call.slice(0, 2).join(' ') === 'functions deploy');
    expect(deploys.map((call) => flag(call, 'run-service-account'))).toEqual(
      ['aggregate', 'oncheckpoint', 'deploy'].map(email),
    );
    for (const call of deploys) {
      expect(call).toContain('--no-allow-unauthenticated');
      expect(flag(call, 'build-service-account')).toBe(`projects/my-project/serviceAccounts/${email('build')}`);
    }
    const flagsOf = (name: string): readonly string[] => calls.map((call) => flag(call, name)).filter(Boolean);
    expect(new Set(flagsOf('service-account'))).toEqual(new Set([email('trigger')]));
    expect(new Set(flagsOf('oidc-service-account-email'))).toEqual(new Set([email('scheduler')]));
    expect(new Set(flagsOf('oidc-token-audience'))).toEqual(new Set(['https://tio-aggregate-abc-ez.a.run.app']));
  });

  test('and lets the functions read the values that it uploads', async () => {
    const grants = grantsOf(await run(`${SETTINGS}\nVALUES_URI=\nVALUES_DOCUMENT=my.env`));
    const onSource = grants.filter((grant) => grant.endsWith('my-project-tio-source'));
    expect(onSource).toEqual(
      ['aggregate', 'oncheckpoint'].map(
        (name) => `serviceAccount:${name}@p roles/storage.objectViewer my-project-tio-source`,
      ),
    );
  });

  test('deploy reaches state and buckets only where it may launch aggregations', async () => {
    const ofDeploy = (result: ScriptResult): readonly string[] =>
      grantsOf(result).filter((grant) => grant.startsWith('serviceAccount:deploy@p roles/storage'));
    expect(ofDeploy(await run(SETTINGS))).toEqual([]);
    expect(ofDeploy(await run(`${SETTINGS}\nAGGREGATION_BY_DEPLOY=yes`))).toEqual([
      'serviceAccount:deploy@p roles/storage.objectUser my-project-tio-state',
      'serviceAccount:deploy@p roles/storage.objectViewer my-models',
      'serviceAccount:deploy@p roles/storage.objectViewer my-uploads',
    ]);
  });

  test('a bucket that is read anyway is not granted once more for the values in it', async () => {
    const grants = grantsOf(await run(`${SETTINGS}\nVALUES_URI=gs://my-models/values.yaml`));
    expect(new Set(grants).size).toBe(grants.length);
  });

  test.each([
    ['its DNS endpoint', '', ['container.clusters.connect', 'container.clusters.get'], 'my-project'],
    ['its public IP', 'GKE_ENDPOINT=public', ['container.clusters.get'], 'my-project'],
    [
      'a cluster of another project',
      'GKE_CLUSTER=projects/other-project/locations/europe-west4/clusters/training',
      ['container.clusters.connect', 'container.clusters.get'],
      'other-project',
    ],
    [
      'the address of a DNS endpoint',
      `${OFF}\nKUBERNETES_ENDPOINT=https://gke-0123.europe-west4.gke.goog`,
      ['container.clusters.connect'],
      'my-project',
    ],
    [
      'Connect Gateway',
      `${OFF}\nCONNECT_GATEWAY=projects/1/locations/global/memberships/m\nFLEET_PROJECT=fleet-project`,
      ['delete', 'get', 'patch', 'post', 'put'].map((method) => `gkehub.gateway.${method}`),
      'fleet-project',
    ],
  ])('a custom role with just what the way to the cluster needs: %s', async (_name, settings, permissions, project) => {
    const result = await run(settings);
    expect(permissionsOf(result)).toEqual(permissions);
    expect(wayOf(result)).toEqual(toAllFunctions(`projects/${project}/roles/tioClusterConnect`, project));
  });

  test.each([
    ['a GKE cluster', '', 'roles/container.clusterViewer', 'my-project'],
    [
      'Connect Gateway',
      `${OFF}\nCONNECT_GATEWAY=projects/1/locations/global/memberships/m`,
      'roles/gkehub.gatewayEditor',
      'my-project',
    ],
  ])('the least of Google’s own roles where custom roles are forbidden: %s', async (_name, settings, role, project) => {
    const result = await run(`${settings}\nCUSTOM_ROLE=no`);
    expect(permissionsOf(result)).toEqual([]);
    expect(wayOf(result)).toEqual(toAllFunctions(role, project));
  });

  test('no role for an API server elsewhere: Google Cloud has nothing to say about it', async () => {
    const result = await run(`${OFF}\nKUBERNETES_ENDPOINT=https://10.0.0.2`);
    expect(result.code).toBe(0);
    expect([...permissionsOf(result), ...wayOf(result)]).toEqual([]);
  });
});
