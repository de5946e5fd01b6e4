import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config.ts';
import { batches, GOOD, WRONG } from './refusals.ts';
import { describeTerraform, evaluate, INFRA_FOLDER, refusals, terraform } from './terraform-tool.ts';

const variableFiles = readdirSync(INFRA_FOLDER).filter((name) => /^variables.*\.tf$/.test(name));

/** `file:line` of every validation rule. */
const rules = variableFiles.flatMap((name) =>
  readFileSync(join(INFRA_FOLDER, name), 'utf8')
    .split('\n')
    .flatMap((line, index) => (line === '  validation {' ? [`${name}:${index + 1}`] : [])),
);

test('every IAM resource adds a member, and infra/terraform/tests/members.tftest.hcl contains it', () => {
  const texts = readdirSync(INFRA_FOLDER)
    .filter((name) => name.endsWith('.tf'))
    .map((name) => readFileSync(join(INFRA_FOLDER, name), 'utf8'));
  const iam = [...texts.join('\n').matchAll(/^resource "(google_\w+_iam_\w+)" "(\w+)"/gm)].map(
    ([, type = '', name = '']) => ({ type, name }),
  );
  const members = iam.filter(({ type }) => type.endsWith('_iam_member'));
  expect(iam.filter(({ type }) => !type.endsWith('_iam_member')).map(({ type }) => type)).toEqual([
    'google_project_iam_custom_role',
  ]);
  const known = readFileSync(join(INFRA_FOLDER, 'tests/members.tftest.hcl'), 'utf8');
  expect(members.length).toBeGreaterThan(9);
  expect(members.filter(({ type, name }) => !known.includes(`${type}.${name}`))).toEqual([]);
});

describeTerraform(
  'terraform fmt',
  () => {
    test('changes no file', async () => {
      const { code, stdout } = await terraform(['fmt', '-check', '-recursive', '-diff', '.']);
      expect(stdout).toBe('');
      expect(code).toBe(0);
    });
  },
  { needsProvider: false },
);

describeTerraform('terraform, with the real google provider', () => {
  test('the configuration is valid', async () => {
    const { stdout, stderr } = await terraform(['validate', '-no-color']);
    expect(`${stdout}${stderr}`).toContain('The configuration is valid');
  });

  test('every run of infra/terraform/tests passes', async () => {
    const { stdout, stderr } = await terraform(['test', '-no-color']);
    expect(`${stdout}${stderr}`).toMatch(/Success! [1-9]\d* passed, 0 failed\./);
  });

  test('valid variables are not refused', async () => {
    // The plan continues to Google Cloud, without credentials. Only errors of validation rules count.
    expect((await refusals(GOOD)).filter(({ rule }) => rule !== '')).toEqual([]);
  });

  test('each invalid variable is refused by a validation rule whose message names the valid form', async () => {
    const fired = new Set<string>();
    for (const batch of batches(WRONG)) {
      const found = await refusals(Object.assign({}, GOOD, ...batch.map(([, variables]) => variables)));
      const messages = found.map(({ message }) => message.replaceAll('\n', ' '));
      expect(batch.filter(([says]) => !messages.some((message) => message.startsWith(says)))).toEqual([]);
      for (const { rule } of found) fired.add(rule);
    }
    expect(rules.filter((rule) => !fired.has(rule))).toEqual([]);
  });
});

const EnvironmentsSchema = z.record(z.string(), z.record(z.string(), z.string()));

const environmentsOf = async (variables: Readonly<Record<string, unknown>>) =>
  EnvironmentsSchema.parse(await evaluate({ ...GOOD, ...variables }, 'local.function_environment'));

describeTerraform('the environment that Terraform sets', () => {
  test.each([
    ['a GKE cluster by its DNS endpoint', {}, { kind: 'gke', endpoint: 'dns' }],
    [
      'Connect Gateway',
      { cluster: null, connect_gateway: { project_number: '1', location: 'global', membership: 'm' } },
      { kind: 'gateway', membership: 'm' },
    ],
    [
      'an address',
      { cluster: null, kubernetes_endpoint: { server: 'https://10.0.0.2', ca: '-----BEGIN CERTIFICATE-----\nAA==\n' } },
      { kind: 'endpoint', server: 'https://10.0.0.2' },
    ],
  ])('is valid for the parser of the functions: %s', async (_name, variables, cluster) => {
    const environments = await environmentsOf(variables);
    expect(Object.keys(environments)).toEqual(['aggregate', 'deploy', 'oncheckpoint']);
    for (const environment of Object.values(environments)) {
      expect(parseConfig(environment)).toMatchObject({
        cluster,
        defaultNamespace: 'models',
        allowed: { buckets: ['my-models'] },
      });
    }
  });

  test('contains every variable that can be set', async () => {
    const { aggregate = {} } = await environmentsOf({
      namespaces: ['models', 'research'],
      images: ['europe-docker.pkg.dev/p/r/'],
      release_name: 'agg',
      values: 'rounds: []',
      upstream_timeout_sec: 20,
    });
    expect(parseConfig(aggregate)).toMatchObject({
      stateUri: { bucket: 'my-project-tio-state', name: '' },
      allowed: { namespaces: ['models', 'research'], images: ['europe-docker.pkg.dev/p/r/'] },
      releaseName: 'agg',
      values: { kind: 'object', uri: 'gs://my-project-tio-source/values.yaml' },
      requestTimeoutMs: 290_000,
      upstreamTimeoutMs: 20_000,
      projectId: 'my-project',
    });
  });
});
