import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { INFRA_FOLDER } from './terraform-tool.ts';
import { EXAMPLE, openShell, SCRIPT, type Shell } from './deploy-script.ts';

/**
 * gcloud's own parser, which calls nobody. It is one of gcloud's internals, and may be gone in another version.
 */
const LINT = ['meta', 'lint-gcloud-commands'];
const hasLint =
  spawnSync('gcloud', [...LINT, '--help'], { stdio: 'ignore', env: { PATH: process.env['PATH'] ?? '' } }).status === 0;
const why = hasLint ? '' : ' (skipped: there is no gcloud on the PATH, or it has no parser to ask)';

const VerdictsSchema = z.array(
  z.object({ command_string: z.string(), success: z.boolean(), error_message: z.string().nullable() }),
);

const quote = (word: string): string =>
  /^[\w./:=@,%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** Lines of code blocks, code in sentences, and strings of .tf files that are commands. */
const texts = (): readonly string[] => {
  const read = (name: string): string => readFileSync(join(INFRA_FOLDER, name), 'utf8');
  const readme = read('README.md');
  const blocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...readme.replaceAll(/^```.*?^```/gms, '').matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const terraform = readdirSync(INFRA_FOLDER)
    .filter((name) => name.endsWith('.tf'))
    .flatMap((name) =>
      [...read(name).matchAll(/(?:"|: )(gcloud [a-z].*?)"(?=$|,| *\})/gm)].map(([, command = '']) => command),
    );
  return [...blocks, ...inline, ...terraform];
};

const wordsOf = (command: string): readonly string[] =>
  [...command.replaceAll(/\$\{[^}]+\}|\$[A-Z]+/g, '60').matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/['"]/g, ''),
  );

/** The gcloud commands in a text, those in `$(...)` too, each as its words. */
const commandsIn = (text: string): readonly (readonly string[])[] => {
  const inner = [...text.matchAll(/\$\((gcloud (?:[^()]|\([^()]*\))*)\)/g)];
  const outer = inner.reduce((left, [whole]) => left.replace(whole, '60'), text);
  return [...outer.split(' && '), ...inner.map(([, command = '']) => command)]
    .map((command) => command.trim())
    .filter((command) => /^gcloud [a-z]/.test(command))
    .map((command) => wordsOf(command).slice(1));
};

const WORDS_OF_A_COMMAND = 4;

/** One of each kind: the command, and which flags it has. */
const kinds = (calls: readonly (readonly string[])[]): readonly (readonly string[])[] => {
  const flagOf = (word: string): string => (word.startsWith('--') ? word.replace(/=.*$/s, '=') : '');
  const keyOf = (call: readonly string[]): string =>
    call.map((word, index) => (index < WORDS_OF_A_COMMAND && /^[a-z-]+$/.test(word) ? word : flagOf(word))).join(' ');
  return [...new Map(calls.map((call) => [keyOf(call), call])).values()];
};

/** What gcloud's parser has against the commands. */
const complaints = (shell: Shell, calls: readonly (readonly string[])[]): readonly string[] => {
  const commands = kinds(calls).map((call) => ['gcloud', ...call].map(quote).join(' '));
  // The parser opens files that flags name.
  const file = join(shell.folder, 'any.yaml');
  writeFileSync(file, 'A: b\n');
  const named = commands.map((command) => ({ command_string: command.replaceAll(/FILES\/[\w.-]+/g, file) }));
  const list = join(shell.folder, 'commands.json');
  writeFileSync(list, JSON.stringify(named));
  const env = { PATH: process.env['PATH'] ?? '', CLOUDSDK_CONFIG: join(shell.folder, 'gcloud'), HOME: shell.folder };
  const answer: unknown = JSON.parse(
    execFileSync('gcloud', [...LINT, `--commands-file=${list}`], {
      encoding: 'utf8',
      env,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  const verdicts = VerdictsSchema.parse(answer);
  const answered = new Set(verdicts.map((each) => each.command_string));
  expect(named.filter((each) => !answered.has(each.command_string))).toEqual([]);
  return verdicts.filter(({ success }) => !success).map((each) => `${each.command_string}: ${each.error_message}`);
};

describe.skipIf(!hasLint)(`gcloud${why}`, { timeout: 120_000 }, () => {
  test('its parser takes every command of deploy.sh, in a fresh project and in one that holds everything', async () => {
    const shell = openShell();
    const more =
      'IMAGES=docai/\nAGGREGATOR_MEMBERS=serviceAccount:a@p.iam.gserviceaccount.com\nNOTIFICATION_CHANNELS=projects/p/notificationChannels/1';
    const file = shell.settings(`${readFileSync(EXAMPLE, 'utf8')}\n${more}\nVALUES_DOCUMENT=my.env`);
    const fresh = await shell.run([SCRIPT, '--settings', file], 'nothing');
    const again = await shell.run([SCRIPT, '--settings', file], 'everything');
    expect([fresh.code, again.code]).toEqual([0, 0]);
    expect(complaints(shell, [...fresh.calls, ...again.calls])).toEqual([]);
  });

  test('its parser takes every command of infra/README.md and of the .tf files', () => {
    const commands = texts().flatMap(commandsIn);
    expect(commands.length).toBeGreaterThan(20);
    expect(complaints(openShell(), commands)).toEqual([]);
  });

  test('its parser refuses what is no flag: it is asked in earnest', () => {
    expect(complaints(openShell(), [['storage', 'buckets', 'create', 'gs://b', '--no-such-flag=1']])).toHaveLength(1);
  });
});
