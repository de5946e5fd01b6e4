import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startKubernetes } from '../kubernetes/server.ts';
import { createWorld, newFolder, PATIENCE_MS, script, until } from './kubelet/pod-world.ts';

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;
const run = promisify(execFile);

/** An embedded API with a kubelet, and kubectl on it, with no configuration of this machine. */
async function start() {
  const kubernetes = await startKubernetes();
  onTestFinished(() => kubernetes.close());
  const world = createWorld({ options: { server: kubernetes.url }, namespace: 'default' });
  await world.kubelet();
  const folder = newFolder();
  const env = { PATH: process.env['PATH'], HOME: folder, KUBECACHEDIR: folder, KUBECONFIG: '/dev/null' };
  async function kubectl(...args: string[]): Promise<string> {
    const { stdout } = await run('kubectl', [`--server=${kubernetes.url}`, ...args], { env, timeout: PATIENCE_MS });
    return stdout;
  }
  /** Runs `kubectl logs -f` until the first line. A pod that is deleted before is not found. */
  async function follow(name: string): Promise<{ readonly all: Promise<string> }> {
    const child = spawn('kubectl', [`--server=${kubernetes.url}`, 'logs', '-f', name], { env, timeout: PATIENCE_MS });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const ended = once(child, 'close');
    await once(child.stdout, 'data');
    return { all: ended.then(() => output) };
  }
  return { world, kubectl, follow };
}

const WHY = hasKubectl ? '' : ' (skipped: kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools/)';

describe.skipIf(!hasKubectl)(`kubectl, on pods of the process kubelet${WHY}`, { timeout: PATIENCE_MS * 2 }, () => {
  test('gets, describes, logs, follows and deletes', async () => {
    const { world, kubectl, follow } = await start();
    const text = `console.log('up'); process.on('SIGTERM', () => { console.log('down'); process.exit(0) }); setInterval(() => {}, 1000)`;
    const name = await world.createPod({ containers: [script(text)] });
    await world.phase(name, 'Running');
    await until(async () => expect(await kubectl('logs', name)).toBe('up\n'));
    expect(await kubectl('get', 'pod', name, '-o', 'wide')).toMatch(/ 1\/1 +Running +0 .* 127\.0\.0\.1 +local /);
    expect(await kubectl('get', 'nodes')).toMatch(/^local +Ready /m);
    const described = await kubectl('describe', 'pod', name);
    expect(described).toMatch(/Normal +Scheduled .* default-scheduler +Successfully assigned default\//);
    expect(described).toMatch(/Normal +Started .* kubelet +Started container main/);
    const followed = await follow(name);
    await kubectl('delete', 'pod', name);
    expect(await followed.all).toBe('up\ndown\n');
    expect(await kubectl('get', 'pods')).toBe('');
  });

  test('shows why a pod does not run', async () => {
    const { world, kubectl } = await start();
    const env = [{ name: 'T', valueFrom: { secretKeyRef: { name: 'absent', key: 'k' } } }];
    const name = await world.createPod({ containers: [script('console.log(process.env.T)', { env })] });
    await until(async () => expect(await kubectl('get', 'pods')).toContain('CreateContainerConfigError'));
    await until(async () =>
      expect(await kubectl('describe', 'pod', name)).toContain('Error: secret "absent" not found'),
    );
    await expect(kubectl('logs', name)).rejects.toThrow('is waiting to start: CreateContainerConfigError');
    await kubectl('create', 'secret', 'generic', 'absent', '--from-literal=k=there');
    await until(async () => expect(await kubectl('logs', name)).toBe('there\n'));
  });
});
