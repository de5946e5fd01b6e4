import { once } from 'node:events';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blocksOf } from './readme-blocks.ts';

/** `npm run readme`: runs the commands of "Trying it by hand" in README.md and checks their output. */
const root = fileURLToPath(new URL('..', import.meta.url));
const [start = '', ...pasted] = blocksOf('sh', 'Trying it by hand');

// Parts of the output, in order.
const EXPECTED = [
  'kubectl create secret',
  'missing-secrets',
  'by-tio complete',
  'by-tio ',
  '"outcome": "created"',
  '"outcome": "dry-run"',
  '"state":',
  '"runs":',
  '"complete": true',
  '"by-hand"',
  '"uploaded": 6',
  '"taskId": "digits"',
  '+++ release/Service/',
  'kubectl create secret generic tokens',
  '"outcome": "deployed"',
  '"outcome": "unchanged"',
  '"outcome": "rolled-back"',
  'ImagePull',
  '"outcome": "uninstalled"',
];

const ready = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (text: Buffer) => {
      printed += text.toString();
      if (printed.includes('Ready.')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`${start.trim()} ended with ${code}:\n${printed}`)));
  });

// `npm start` writes a context, and the commands use it.
const contexts = mkdtempSync(join(tmpdir(), 'tensorio-readme-'));
const env = { ...process.env, TIO_CONFIG_DIR: contexts };
const stack = spawn('bash', ['-c', `exec ${start.trim()}`], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
  env,
});
try {
  await ready(stack);
  const script = ['set -e', ...pasted, 'npm start -- --help'].join('\n');
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd: root,
    encoding: 'utf8',
    timeout: 300_000,
    env,
  });
  process.stdout.write(stdout);
  if (status !== 0) throw new Error(`the commands ended with ${status}: ${stderr}`);
  let from = 0;
  for (const words of EXPECTED) {
    const at = stdout.indexOf(words, from);
    if (at < 0) throw new Error(`${JSON.stringify(words)} is missing from the output of the commands`);
    from = at;
  }
  process.stdout.write(`\nThe commands of README.md print the expected output.\n`);
} finally {
  stack.removeAllListeners('exit');
  if (stack.pid !== undefined && stack.exitCode === null && stack.signalCode === null) {
    const ended = once(stack, 'exit');
    // Signals the whole process group: some versions of npm do not forward a signal to their children.
    process.kill(-stack.pid, 'SIGTERM');
    await ended;
  }
  rmSync(contexts, { recursive: true, force: true });
}
