import { expect, test } from 'vitest';
import { startProcess } from '../../kubelet/process.ts';
import { newFolder } from './pod-world.ts';

async function run(text: string, env: Record<string, string> = {}) {
  const output: string[] = [];
  const started = await startProcess({
    command: [process.execPath, '-e', text],
    env,
    cwd: newFolder(),
    onOutput: (stream, chunk) => output.push(`${stream} ${chunk.toString()}`),
  });
  return { started, output };
}

test('all output is read before the end is reported', async () => {
  const { started, output } = await run(
    `for (let n = 0; n < 5000; n++) console.log('x'.repeat(100)); process.exitCode = 7`,
  );
  expect(await started.exited).toEqual({ exitCode: 7, signal: null });
  expect(output.join('').replaceAll('stdout ', '')).toHaveLength(5000 * 101);
});

test('has the environment given and nothing else', async () => {
  const { started, output } = await run('console.log(JSON.stringify(process.env))', { A: '1' });
  await started.exited;
  expect(output).toEqual(['stdout {"A":"1"}\n']);
});

test('the end of a program is the end of its children, even if they hold its output', async () => {
  const child = `require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' }); process.exit(0)`;
  const { started } = await run(child);
  expect(await started.exited).toEqual({ exitCode: 0, signal: null });
});

test.each([
  [['no-such-program'], 'exec: "no-such-program": executable file not found in $PATH'],
  [['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
  [['/dev/null'], 'exec: "/dev/null": permission denied'],
  [[], 'no command specified'],
])('%j cannot be started, in the words of the container runtime', async (command, message) => {
  const options = { command, env: { PATH: '/usr/bin' }, cwd: newFolder(), onOutput: () => {} };
  await expect(startProcess(options)).rejects.toThrow(message);
});
