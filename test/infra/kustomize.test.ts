import { execFile, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { type FunctionRole, KUBERNETES_FOLDER, parseRoles, readRole, type Role, rulesFor } from './roles.ts';

const run = promisify(execFile);
const hasKustomize = spawnSync('kubectl', ['kustomize', '--help'], { stdio: 'ignore' }).status === 0;
const EXAMPLE = `${KUBERNETES_FOLDER}overlays/example`;

const NamesSchema = z.object({
  spec: z.object({
    aggregate: z.string(),
    onCheckpoint: z.string(),
    deploy: z.string(),
    aggregationSecrets: z.array(z.string()).min(1),
    releaseSecrets: z.array(z.string()).min(1),
  }),
});

const build = async (folder: string) => parseRoles((await run('kubectl', ['kustomize', folder])).stdout);

const ROLES: readonly FunctionRole[] = ['aggregate', 'oncheckpoint', 'deploy'];

describe.each(ROLES)('the Role of %s', (name) => {
  const { rules } = readRole(name);

  test('begins with get of named Secrets, and has no other rule of Secrets', () => {
    const [first, ...others] = rules;
    expect(first).toEqual({
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['named-by-the-overlay'],
      verbs: ['get'],
    });
    expect(others.flatMap(({ resources }) => resources)).not.toContain('secrets');
  });

  test('names no wildcard, and no verb that hands on rights', () => {
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    expect(words.filter((word) => word.includes('*'))).toEqual([]);
    expect(
      words.filter((word) => ['watch', 'deletecollection', 'bind', 'escalate', 'impersonate'].includes(word)),
    ).toEqual([]);
  });

  test('says of each verb what it is for', async () => {
    const text = await readFile(`${KUBERNETES_FOLDER}functions/${name}/role.yaml`, 'utf8');
    const verbs = text.split('\n').filter((line) => /^ {6}- [a-z]+/.test(line));
    expect(verbs).toHaveLength(rules.flatMap((rule) => rule.verbs).length);
    expect(verbs.filter((line) => !/^ {6}- [a-z]+ # \S.{10,}/.test(line))).toEqual([]);
  });
});

const WHY = hasKustomize ? '' : ' (skipped: there is no kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/)';

describe.skipIf(!hasKustomize)(`kubectl kustomize${WHY}`, () => {
  test('the example binds each function by its email to its Role, over the named Secrets only', async () => {
    const { spec } = NamesSchema.parse(parse(await readFile(`${EXAMPLE}/names.yaml`, 'utf8')));
    const { roles, bindings } = await build(EXAMPLE);
    const wanted = [
      { name: 'aggregate', email: spec.aggregate, secrets: spec.aggregationSecrets },
      { name: 'oncheckpoint', email: spec.onCheckpoint, secrets: spec.aggregationSecrets },
      { name: 'deploy', email: spec.deploy, secrets: spec.releaseSecrets },
    ] as const;
    const byName = (a: Pick<Role, 'metadata'>, b: typeof a): number => (a.metadata.name < b.metadata.name ? -1 : 1);
    const metadata = (name: string) => ({ name: `tio-${name}`, namespace: 'models' });
    expect(roles.toSorted(byName)).toEqual(
      wanted
        .map(({ name, secrets }) => ({
          ...readRole(name),
          metadata: metadata(name),
          rules: rulesFor(readRole(name), secrets),
        }))
        .toSorted(byName),
    );
    expect(bindings).toHaveLength(wanted.length);
    for (const { name, email } of wanted) {
      const binding = bindings.find((each) => each.metadata.name === `tio-${name}`);
      expect(binding?.metadata).toEqual(metadata(name));
      expect(binding?.roleRef.name).toBe(`tio-${name}`);
      expect(binding?.subjects[0]?.name).toBe(email);
    }
  });

  test('two namespaces have Roles of their own, each over its own Secrets', async () => {
    const { roles } = await build(`${KUBERNETES_FOLDER}overlays/two-namespaces`);
    const secretsIn = roles.map(({ metadata, rules }) => [metadata.namespace, metadata.name, rules[0]?.resourceNames]);
    expect(secretsIn.filter(([, name]) => name === 'tio-aggregate')).toEqual([
      ['models', 'tio-aggregate', ['aggregator-service-account']],
      ['research', 'tio-aggregate', ['research-aggregator']],
    ]);
    expect(secretsIn.filter(([, name]) => name === 'tio-deploy').map(([namespace]) => namespace)).toEqual([
      'models',
      'research',
    ]);
  });

  test('each option adds one rule to the Role of deploy', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tensorio-kustomize-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(KUBERNETES_FOLDER, folder, { recursive: true });
    const file = join(folder, 'overlays/example/kustomization.yaml');
    const options = readdirSync(`${KUBERNETES_FOLDER}options`);
    const text = await readFile(file, 'utf8');
    const uncommented = text.replaceAll(/^ {2}# - (\.\.\/\.\.\/options\/\S+) # .*$/gm, '  - $1');
    expect(uncommented.match(/options\//g)).toHaveLength(options.length);
    await writeFile(file, uncommented);
    const { roles } = await build(join(folder, 'overlays/example'));
    const rulesOf = (name: FunctionRole): number =>
      roles.find(({ metadata }) => metadata.name === `tio-${name}`)?.rules.length ?? 0;
    expect(rulesOf('deploy')).toBe(readRole('deploy').rules.length + options.length);
    expect(rulesOf('aggregate')).toBe(readRole('aggregate').rules.length);
  });

  test('an overlay that forgets to name a function is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tensorio-kustomize-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await cp(KUBERNETES_FOLDER, folder, { recursive: true });
    const file = join(folder, 'overlays/example/names.yaml');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^ {2}onCheckpoint: .*$/m, ''));
    await expect(build(join(folder, 'overlays/example'))).rejects.toThrow(/spec\.onCheckpoint/);
  });
});
