import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findProvider } from './provider-folder.ts';

/** Terraform starts a provider process per command, which takes long on a busy machine. */
const PATIENCE_MS = 600_000;

/** The path of infra/terraform, without a slash at the end. */
export const INFRA_FOLDER = fileURLToPath(new URL('../../infra/terraform', import.meta.url));

const hasTerraform = spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0;

/** The result of a terraform command. A nonzero exit code does not throw. */
export interface TerraformResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Files of a user in the folder of the configuration: terraform reads some of them without being asked to. */
const USER_FILE = /^(\.terraform.*|.*\.tfvars(\.json)?|.*\.tfstate.*|(.*_)?override\.tf(\.json)?|bundle\.zip)$/;

/**
 * Copies a configuration without the files that a user keeps beside it. Otherwise a user's terraform.tfvars would
 * change the variables of every test.
 */
export const copyConfiguration = (from: string, to: string): void =>
  cpSync(from, to, { recursive: true, filter: (path) => path === from || !USER_FILE.test(basename(path)) });

/**
 * Runs terraform with the provider of `provider-folder.ts`, in `cwd`; by default in a copy of infra/terraform. Temporary
 * files are written to `folder`.
 */
const runTerraform = (
  folder: string,
  args: readonly string[],
  input = '',
  cwd = join(folder, 'configuration'),
): Promise<TerraformResult> => {
  if (cwd === join(folder, 'configuration')) copyConfiguration(INFRA_FOLDER, cwd);
  const rc = join(folder, 'terraform.rc');
  const overrides = `dev_overrides {\n    "hashicorp/google" = ${JSON.stringify(findProvider() ?? folder)}\n  }`;
  writeFileSync(rc, `provider_installation {\n  ${overrides}\n  direct {}\n}\n`);
  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(TF_|GOOGLE_|CLOUDSDK_)/.test(name))),
    TF_CLI_CONFIG_FILE: rc,
    TF_DATA_DIR: join(folder, 'data'),
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
  };
  return new Promise((resolve) => {
    const options = { cwd, env, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile('terraform', [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end(input);
  });
};

/** Runs one command in a copy of infra/terraform. */
export const terraform = async (args: readonly string[], input = ''): Promise<TerraformResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-terraform-'));
  try {
    return await runTerraform(folder, args, input);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs one command in the configuration in `folder`, which keeps the modules that it downloads. */
export const terraformIn = (folder: string, args: readonly string[]): Promise<TerraformResult> =>
  runTerraform(folder, args, '', folder);

type Variables = Readonly<Record<string, unknown>>;

const withVariables = async <T>(
  variables: Variables,
  work: (folder: string, file: string) => Promise<T>,
): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-terraform-'));
  const file = join(folder, 'values.tfvars.json');
  writeFileSync(file, JSON.stringify(variables));
  try {
    return await work(folder, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const varFiles = (files: readonly string[]): string[] => files.map((file) => `-var-file=${file}`);

/** The value of an expression with the variables of `files`, overridden by `variables`. It may only read locals that need no resource. */
export const evaluate = (variables: Variables, expression: string, files: readonly string[] = []): Promise<unknown> =>
  withVariables(variables, async (folder, file) => {
    const args = ['console', ...varFiles([...files, file]), `-state=${join(folder, 'none.tfstate')}`];
    const { stdout, stderr } = await runTerraform(folder, args, `jsonencode(${expression})\n`);
    const line = stdout.split('\n').find((each) => each.startsWith('"'));
    if (line === undefined) throw new Error(`terraform console: ${stdout}${stderr}`);
    const text: unknown = JSON.parse(line);
    return JSON.parse(String(text));
  });

/** The errors of a plan with the variables of `files`, overridden by `variables`: message, and `file:line` of the rule. */
export const refusals = (
  variables: Variables,
  files: readonly string[] = [],
): Promise<readonly { readonly message: string; readonly rule: string }[]> =>
  withVariables(variables, async (folder, file) => {
    const state = join(folder, 'none.tfstate');
    const args = [
      'plan',
      '-json',
      '-input=false',
      '-refresh=false',
      '-lock=false',
      `-state=${state}`,
      ...varFiles([...files, file]),
    ];
    const { stdout } = await runTerraform(folder, args);
    return stdout.split('\n').flatMap((line) => {
      if (!line.includes('"@level":"error"')) return [];
      const detail = /"detail":("(?:[^"\\]|\\.)*")/.exec(line)?.[1];
      const text = String(JSON.parse(detail ?? '""'));
      const [, message = text, rule = ''] =
        /^(.*)\n\nThis was checked by the validation rule at ([\w.-]+:\d+)/s.exec(text) ?? [];
      return [{ message, rule }];
    });
  });

const findWhy = (needsProvider: boolean): string | null => {
  if (!hasTerraform) return 'terraform is not on the PATH: https://developer.hashicorp.com/terraform/install';
  if (!needsProvider || findProvider() !== null) return null;
  return 'the google provider is not built; run: npm run terraform:provider (needs Go)';
};

/**
 * Declares a suite that needs terraform and, unless `needsProvider` is false, the google provider. If one is missing, the
 * tests are skipped and the name of the suite contains the reason; with REQUIRE_TERRAFORM=1 the suite fails instead.
 */
export const describeTerraform = (name: string, suite: () => void, { needsProvider = true } = {}): void => {
  const why = findWhy(needsProvider);
  if (why === null) {
    describe(`${name}`, { timeout: PATIENCE_MS }, () => {
      suite();
    });
  } else if (process.env['REQUIRE_TERRAFORM'] === '1') {
    test(`${name}: REQUIRE_TERRAFORM=1 requires it to run`, () => expect.fail(`REQUIRE_TERRAFORM=1, but ${why}`));
  } else {
    describe.skip(`${name} (skipped: ${why})`, () => {
      suite();
    });
  }
};
