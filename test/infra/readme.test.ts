import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { assertRunnable } from '../../src/rounds/attempt-spec.ts';
import { parseConfig } from '../../src/config.ts';
import { parseDocument } from '../../src/values/parse-document.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { inputRows, outputRows, README, rowsIn } from './terraform-docs.ts';
import { describeTerraform, evaluate, INFRA_FOLDER, refusals, terraformIn } from './terraform-tool.ts';

const ROOT = join(INFRA_FOLDER, '../..');
const PATIENCE_MS = 60_000;
const readme = readFileSync(README, 'utf8');
const REWRITE = 'node test/infra/terraform-docs.ts && npx oxfmt docs/deploying.md writes them anew';

const PackageSchema = z.object({ scripts: z.record(z.string(), z.string()) });

test(`the tables of variables and outputs are those of the .tf files (${REWRITE})`, () => {
  expect(inputRows().length).toBeGreaterThan(20);
  expect(rowsIn(readme, 'inputs')).toEqual(inputRows());
  expect(rowsIn(readme, 'outputs')).toEqual(outputRows());
});

test('every file that it names is there', () => {
  const named = [...readme.matchAll(/`([\w./-]+\.(?:tf|sh|ts|env|example))`|(?<![\w/])(infra\/[\w./-]+\.\w+)\b/g)];
  const paths = named.map(([, here, there]) => here ?? there ?? '');
  const made = ['infra/terraform/bundle.zip'];
  const missing = paths.filter(
    (path) => !made.includes(path) && ![INFRA_FOLDER, ROOT].some((folder) => existsSync(join(folder, path))),
  );
  expect(missing).toEqual([]);
});

test('what it runs of this repository are npm scripts that are there', () => {
  const { scripts } = PackageSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const run = [...readme.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name = '']) => name);
  expect(run.length).toBeGreaterThan(2);
  expect(run.filter((name) => !(name in scripts))).toEqual([]);
  // A Node that is too old for TypeScript is enough for npm, whose scripts find the right one.
  expect(readme).not.toMatch(/^node .*\.ts/m);
});

const AnswerSchema = z.object({
  values: z.string(),
  environment: z.record(z.string(), z.record(z.string(), z.string())),
});

describeTerraform('docs/deploying.md', () => {
  const example = join(INFRA_FOLDER, 'terraform.tfvars.example');

  test(
    'terraform.tfvars.example is in order, and its values start rounds',
    async () => {
      const bundle = { bundle: 'tests/bundle.txt' };
      expect((await refusals(bundle, [example])).filter(({ rule }) => rule !== '')).toEqual([]);
      const expression = '{ values = var.values, environment = local.function_environment }';
      const { values, environment } = AnswerSchema.parse(await evaluate(bundle, expression, [example]));
      const { allowed, stateUri } = parseConfig(environment['aggregate'] ?? {});
      const parsed = parseValues(parseDocument(Buffer.from(values)));
      expect(parsed.rounds).toHaveLength(1);
      assertRunnable(parsed, allowed, stateUri);
    },
    PATIENCE_MS,
  );

  test(
    'the module in a configuration of one’s own is valid',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'tensorio-module-'));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      const [, block = ''] = /```hcl\n(.*?)```/s.exec(readme) ?? [];
      // The checkout may have been built, or not: bundle.zip, the default, is there only after `npm run zip`.
      const bundle = `  bundle = "${join(INFRA_FOLDER, 'tests/bundle.txt')}"\n`;
      await writeFile(join(folder, 'main.tf'), block.replace(/( *source +=.*\n)/, `$1${bundle}`));
      await writeFile(join(folder, 'values.yaml'), 'rounds: []\n');
      await mkdir(join(folder, 'tensorio-trigger/infra'), { recursive: true });
      await symlink(INFRA_FOLDER, join(folder, 'tensorio-trigger/infra/terraform'));
      expect(await terraformIn(folder, ['get', '-no-color'])).toMatchObject({ code: 0 });
      const { stdout, stderr } = await terraformIn(folder, ['validate', '-no-color']);
      expect(`${stdout}${stderr}`).toContain('The configuration is valid');
    },
    PATIENCE_MS,
  );
});
