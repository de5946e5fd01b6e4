import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { INFRA_FOLDER } from './terraform-tool.ts';

export const SCRIPT = join(INFRA_FOLDER, 'deploy.sh');
export const EXAMPLE = join(INFRA_FOLDER, 'settings.example.env');

/**
 * Stands in for gcloud: writes its arguments down, one call a line, separated by \x1f. GCLOUD_HAS=nothing is a fresh
 * project: what is described is not there; but what is asked for with --format was made by then.
 */
const GCLOUD = String.raw`#!/usr/bin/env bash
printf '%s\x1f' "$@" >>"$GCLOUD_CALLS"
printf '\n' >>"$GCLOUD_CALLS"
case "$*" in
auth*) echo somebody@example.com ;;
version*) echo "$GCLOUD_VERSION" ;;
'storage service-agent'*) echo service-1@gs-project-accounts.iam.gserviceaccount.com ;;
*'policies list'*) [ "$GCLOUD_HAS" = nothing ] || echo projects/p/alertPolicies/1 ;;
'eventarc triggers describe'*--format=*) echo projects/my-project/subscriptions/eventarc-eu-1 ;;
'functions describe'*--format=*) echo https://tio-aggregate-abc-ez.a.run.app ;;
*' describe '*) [ "$GCLOUD_HAS" = everything ] ;;
esac
`;

export interface ScriptResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What gcloud was called with, in order; the temporary folder of the files is written as FILES. */
  readonly calls: readonly (readonly string[])[];
}

export interface Shell {
  readonly folder: string;
  /** Runs a program with arguments; `has`: what the project holds by then. */
  run(args: readonly string[], has: 'nothing' | 'everything', version?: string): Promise<ScriptResult>;
  /** Writes settings; answers the path. */
  settings(text: string): string;
}

/** A temporary folder with a gcloud that makes nothing, and a bundle; `whenDone` takes what removes it. */
export const openShell = (whenDone: (remove: () => void) => void = onTestFinished): Shell => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-deploy-'));
  whenDone(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'dist'));
  writeFileSync(join(folder, 'dist/index.js'), '');
  writeFileSync(join(folder, 'bin/gcloud'), GCLOUD);
  chmodSync(join(folder, 'bin/gcloud'), 0o755);
  let runs = 0;
  const run: Shell['run'] = (args, has, version = '560.0.0') => {
    const log = join(folder, `calls-${(runs += 1)}`);
    const env = {
      PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`,
      TMPDIR: folder,
      // Of the caller's shell; no setting of ours.
      NAME: 'laptop',
      REGION: 'mars',
      GCLOUD_CALLS: log,
      GCLOUD_HAS: has,
      GCLOUD_VERSION: version,
    };
    return new Promise((resolve) => {
      execFile('bash', [...args], { env, cwd: folder, maxBuffer: 8 * 1024 * 1024 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(0, -1) : [];
        const mask = (word: string): string => word.replace(/=[^=]*\/tmp\.\w+\//, '=FILES/');
        const calls = lines.map((line) => line.split('\x1f').slice(0, -1).map(mask));
        resolve({ code, stdout, stderr, calls });
      });
    });
  };
  return {
    folder,
    run,
    settings: (text) => {
      const path = join(folder, 'my.env');
      writeFileSync(path, `${text}\nSOURCE=${join(folder, 'dist')}\n`);
      return path;
    },
  };
};

/** The files that a dry run would write, by name. */
export const filesOf = (printed: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...printed.matchAll(/^cat >"\$FILES\/([\w.-]+)" <<'?END'?\n(.*?)\nEND$/gms)].map(([, name = '', text = '']) => [
      name,
      text,
    ]),
  );
