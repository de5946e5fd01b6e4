import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { findProvider } from './provider-folder.ts';

/** infra/terraform, without a slash at its end. */
export const INFRA_FOLDER = fileURLToPath(new URL('../../infra/terraform', import.meta.url));

const hasTerraform = spawnSync('terraform', ['version'], { stdio: 'ignore' }).status === 0;

/** The result of a terraform command; it does not throw for an exit code. */
export interface TerraformResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs terraform, in infra/terraform unless another folder is given, over the provider of `provider-folder.ts`; what it writes, it writes to `folder`. */
const runTerraform = (
  folder: string,
  args: readonly string[],
  input = '',
  cwd = INFRA_FOLDER,
): Promise<TerraformResult> => {
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

/** Runs one command in a temporary folder of its own. */
export const terraform = async (args: readonly string[], input = ''): Promise<TerraformResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-terraform-'));
  try {
    return await runTerraform(folder, args, input);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Runs one command in a configuration of one's own, which keeps what it fetched. */
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

/** What an expression comes to with these variables, after those of `files`: of locals that need nothing of Google Cloud. */
export const evaluate = (variables: Variables, expression: string, files: readonly string[] = []): Promise<unknown> =>
  withVariables(variables, async (folder, file) => {
    const args = ['console', ...varFiles([...files, file]), `-state=${join(folder, 'none.tfstate')}`];
    const { stdout, stderr } = await runTerraform(folder, args, `jsonencode(${expression})\n`);
    const line = stdout.split('\n').find((each) => each.startsWith('"'));
    if (line === undefined) throw new Error(`terraform console: ${stdout}${stderr}`);
    const text: unknown = JSON.parse(line);
    return JSON.parse(String(text));
  });

/** What a plan with these variables, after those of `files`, is refused for: message, and `file:line` of the rule. */
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
  if (!hasTerraform) return 'there is no "terraform" on the PATH: https://developer.hashicorp.com/terraform/install';
  if (!needsProvider || findProvider() !== null) return null;
  return 'the google provider is not built: npm run terraform:provider (needs Go)';
};

/**
 * A suite that needs terraform and, unless said otherwise, the google provider. Where one is not there its tests are
 * counted as skipped and its name says why; with REQUIRE_TERRAFORM=1 it fails instead.
 */
export const describeTerraform = (name: string, suite: () => void, { needsProvider = true } = {}): void => {
  const why = findWhy(needsProvider);
  if (why === null) {
    describe(`${name}`, () => {
      suite();
    });
  } else if (process.env['REQUIRE_TERRAFORM'] === '1') {
    test(`${name}: runs, as REQUIRE_TERRAFORM=1 asks`, () => expect.fail(`REQUIRE_TERRAFORM=1, but ${why}`));
  } else {
    describe.skip(`${name} (skipped: ${why})`, () => {
      suite();
    });
  }
};
