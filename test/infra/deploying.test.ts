import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { TERRAFORM_DOCUMENT, terraformDocument } from '../../infra/scripts/terraform-docs.ts';
import { assertRunnable } from '../../src/rounds/check-values.ts';
import { parseConfig } from '../../src/config.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import {
  copyConfiguration,
  describeTerraform,
  evaluate,
  INFRA_FOLDER,
  refusals,
  terraformIn,
} from './terraform-tool.ts';

const readme = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8');

test('docs/terraform.md lists the variables and outputs of infra/terraform (npm run docs writes it)', () => {
  // oxfmt pads lists and tables; the words must be equal.
  const words = (text: string): string[] => text.split(/\s+/);
  expect(words(readFileSync(TERRAFORM_DOCUMENT, 'utf8'))).toEqual(words(terraformDocument()));
});

test('the Terraform tests run without the files that a user keeps in infra/terraform', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tensorio-user-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  copyConfiguration(INFRA_FOLDER, from);
  const ofUser = ['terraform.tfvars', 'my.auto.tfvars', 'my.auto.tfvars.json', 'override.tf', 'terraform.tfstate'];
  for (const name of ofUser) await writeFile(join(from, name), 'region = "us-east1"\n');
  copyConfiguration(from, to);
  expect(ofUser.filter((name) => existsSync(join(to, name)))).toEqual([]);
  expect(existsSync(join(to, 'variables.tf')) && existsSync(join(to, 'terraform.tfvars.example'))).toBe(true);
});

const AnswerSchema = z.object({
  values: z.string(),
  environment: z.record(z.string(), z.record(z.string(), z.string())),
});

describeTerraform('docs/deploying.md', () => {
  const example = join(INFRA_FOLDER, 'terraform.tfvars.example');

  test('terraform.tfvars.example is valid, and its values start rounds', async () => {
    const bundle = { bundle: 'tests/bundle.txt' };
    expect((await refusals(bundle, [example])).filter(({ rule }) => rule !== '')).toEqual([]);
    const expression = '{ values = var.values, environment = local.function_environment }';
    const { values, environment } = AnswerSchema.parse(await evaluate(bundle, expression, [example]));
    const { allowed, stateUri } = parseConfig(environment['aggregate'] ?? {});
    const parsed = parseValues(parseDocument(Buffer.from(values)));
    expect(parsed.rounds).toHaveLength(1);
    assertRunnable(parsed, allowed, stateUri);
  });

  test('the module is valid, by its git address', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tensorio-module-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const repository = join(folder, 'tensorio-trigger.git');
    copyConfiguration(INFRA_FOLDER, join(repository, 'infra/terraform'));
    const git = (...args: readonly string[]): Buffer =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: repository });
    git('init', '--quiet');
    git('add', '--all');
    git('commit', '--quiet', '--message=module');
    git('tag', 'v0.2.0');
    const blocks = [...readme.matchAll(/```hcl\n(.*?)```/gs)].map(([, block = '']) => block);
    const main = blocks.find((block) => block.includes('module "tensorio_trigger"')) ?? '';
    expect(main).toContain('git::https://git.example.com/tensorio-trigger.git//');
    await writeFile(
      join(folder, 'main.tf'),
      main.replace('git::https://git.example.com/tensorio-trigger.git', `git::${pathToFileURL(repository).href}`),
    );
    await writeFile(join(folder, 'values.yaml'), 'rounds: []\n');
    await writeFile(join(folder, 'bundle.zip'), '');
    expect(await terraformIn(folder, ['get', '-no-color'])).toMatchObject({ code: 0 });
    const { stdout, stderr } = await terraformIn(folder, ['validate', '-no-color']);
    expect(`${stdout}${stderr}`).toContain('The configuration is valid');
  });
});
