import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { EXAMPLE, filesOf, openShell, SCRIPT } from './deploy-script.ts';
import { describeTerraform, evaluate } from './terraform-tool.ts';

/** settings.example.env, as variables of Terraform. */
const EXAMPLE_VARIABLES = {
  project: 'my-project',
  region: 'europe-west4',
  bundle: 'tests/bundle.txt',
  cluster: { location: 'europe-west4', name: 'training' },
  namespaces: ['models'],
  upload_buckets: { 'my-uploads': { location: 'EU' }, 'odd.bucket_name': { location: 'EU' } },
  output_buckets: ['my-models'],
};

const AnswerSchema = z.object({
  environment: z.record(z.string(), z.record(z.string(), z.string())),
  functions: z.record(
    z.string(),
    z.object({
      name: z.string(),
      entry_point: z.string(),
      timeout_sec: z.number(),
      memory: z.string(),
      concurrency: z.number(),
      min_instances: z.number(),
      max_instances: z.number(),
      ingress: z.string(),
    }),
  ),
  logs: z.string(),
  alerts: z.record(
    z.string(),
    z.object({
      title: z.string(),
      filter: z.string(),
      labels: z.record(z.string(), z.string()),
      severity: z.string(),
      rate_limit_sec: z.number(),
    }),
  ),
  triggers: z.record(z.string(), z.string()),
  services: z.array(z.string()),
  permissions: z.array(z.string()),
});

const INGRESS: Readonly<Record<string, string>> = { all: 'ALLOW_ALL', 'internal-only': 'ALLOW_INTERNAL_ONLY' };

const readTerraform = async () =>
  AnswerSchema.parse(
    await evaluate(
      EXAMPLE_VARIABLES,
      '{ environment = local.function_environment, functions = local.functions, logs = local.function_logs, alerts = local.log_alerts, ' +
        'triggers = local.trigger_names, services = local.services, permissions = local.cluster_permissions[local.way] }',
    ),
  );

const readScript = async (whenDone: (remove: () => void) => void) => {
  const shell = openShell(whenDone);
  const settings = shell.settings(
    `${readFileSync(EXAMPLE, 'utf8')}\nUPLOAD_BUCKETS="my-uploads@EU odd.bucket_name@EU"`,
  );
  const { calls, code } = await shell.run([SCRIPT, '--settings', settings], 'nothing');
  const { stdout } = await shell.run([SCRIPT, '--settings', settings, '--dry-run'], 'nothing');
  expect(code).toBe(0);
  return { calls, files: filesOf(stdout) };
};

const flag = (call: readonly string[], name: string): string =>
  call.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';

describeTerraform('Terraform and deploy.sh make the same', () => {
  let terraform: z.infer<typeof AnswerSchema>;
  let calls: readonly (readonly string[])[];
  let files: Readonly<Record<string, string>>;
  let remove: (() => void) | undefined;
  beforeAll(async () => {
    terraform = await readTerraform();
    ({ calls, files } = await readScript((done) => (remove = done)));
  }, 60_000);
  afterAll(() => remove?.());

  const callsOf = (...words: readonly string[]): readonly (readonly string[])[] =>
    calls.filter((call) => words.every((word, index) => call[index] === word));

  test('functions, by name, size and reach', () => {
    const deployed = callsOf('functions', 'deploy').map((call) => ({
      name: call[2],
      entry_point: flag(call, 'entry-point'),
      timeout_sec: Number.parseInt(flag(call, 'timeout'), 10),
      memory: flag(call, 'memory'),
      concurrency: Number(flag(call, 'concurrency')),
      min_instances: Number(flag(call, 'min-instances')),
      max_instances: Number(flag(call, 'max-instances')),
      ingress: INGRESS[flag(call, 'ingress-settings')],
    }));
    expect(deployed).toEqual(['aggregate', 'oncheckpoint', 'deploy'].map((key) => terraform.functions[key]));
  });

  test('the environment of each', () => {
    for (const [key, environment] of Object.entries(terraform.environment)) {
      const lines = Object.entries(environment).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
      expect((files[`${key}.yaml`] ?? '').split('\n').toSorted()).toEqual(lines.toSorted());
    }
  });

  test('triggers, APIs and permissions', () => {
    const triggers = callsOf('eventarc', 'triggers', 'create').map((call) => call[3] ?? '');
    expect(triggers.toSorted()).toEqual(Object.values(terraform.triggers).toSorted());
    const enabled = callsOf('services', 'enable').flat();
    expect(enabled.filter((word) => word.endsWith('.googleapis.com')).toSorted()).toEqual(
      terraform.services.toSorted(),
    );
    expect(calls.flat()).toContain(`--permissions=${terraform.permissions.toSorted().join(',')}`);
  });

  test('metrics and alerts', () => {
    for (const [key, { title, filter, labels, severity, rate_limit_sec }] of Object.entries(terraform.alerts)) {
      const extractors = Object.entries(labels).map(([label, field]) => [label, `EXTRACT(jsonPayload.${field})`]);
      const found = { filter: `${terraform.logs} AND ${filter}`, labelExtractors: Object.fromEntries(extractors) };
      expect(JSON.parse(files[`metric-${key}.json`] ?? 'null')).toMatchObject({ name: `tio/${key}`, ...found });
      expect(JSON.parse(files[`policy-${key}.json`] ?? 'null')).toMatchObject({
        displayName: `tio: ${title}`,
        severity,
        conditions: [{ conditionMatchedLog: found }],
        alertStrategy: { notificationRateLimit: { period: `${rate_limit_sec}s` } },
      });
    }
    const policies = Object.keys(files).filter((name) => name.startsWith('policy-'));
    const late = Object.keys(terraform.triggers).map((bucket) => `policy-late-${bucket}.json`);
    expect(policies.toSorted()).toEqual(
      [
        'policy-no-sweeps.json',
        ...late,
        ...Object.keys(terraform.alerts).map((key) => `policy-${key}.json`),
      ].toSorted(),
    );
  });
});
