#!/usr/bin/env node
// `npx tio`: the bundled command line, or its source where `npm run build` has not run. Plain JavaScript, so that an
// older Node can run it: it starts the Node 24 of the project (optionalDependencies).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundle = `${root}dist/tio.js`;
const own = `${root}node_modules/.bin/node`;
const entry = existsSync(bundle) ? bundle : `${root}src/cli/tio.ts`;
const isNew = Number(process.versions.node.split('.')[0]) >= 24;

if (isNew && entry === bundle) await import(bundle);
else {
  const node = isNew || !existsSync(own) ? process.execPath : own;
  const child = spawn(node, ['--no-warnings', entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; another sender only to this process.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.stdin.isTTY || child.kill(signal));
  child.on('exit', (code, signal) => (process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)));
}
