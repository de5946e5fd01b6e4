import { runTio } from './main.ts';

const interrupt = new AbortController();
// The second Ctrl-C ends the process at once.
process.once('SIGINT', () => interrupt.abort());
// A reader such as `head` that has seen enough is no fault.
process.stdout.on('error', () => process.exit(0));

process.exitCode = await runTio({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interrupt: interrupt.signal,
});
