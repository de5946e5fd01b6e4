import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startKubernetes } from '../kubernetes/server.ts';
import type { Kubernetes } from '../kubernetes/server.ts';
import { describeKubelet } from './kubelet/pod-suite.ts';
import { createWorld, newFolder, PATIENCE_MS, script, until } from './kubelet/pod-world.ts';

let kubernetes: Kubernetes;

beforeAll(async () => {
  kubernetes = await startKubernetes({ jobBackoffMs: 50 });
});
afterAll(() => kubernetes.close());

describeKubelet(() => ({ options: { server: kubernetes.url }, namespace: 'default' }));

test('changes during an outage of the API server are reported afterwards', { timeout: PATIENCE_MS * 2 }, async () => {
  const dataDir = newFolder();
  const first = await startKubernetes({ dataDir });
  const world = createWorld({ options: { server: first.url }, namespace: 'default' });
  const reports: string[] = [];
  await world.kubelet({ report: (message) => reports.push(message) });
  const text = `const t = setInterval(() => { if (require('fs').existsSync(process.argv[1])) { clearInterval(t); console.log('over') } }, 20)`;
  const folder = newFolder();
  const name = await world.createPod({ containers: [{ ...script(text), args: [text, `${folder}/go`] }] });
  await world.phase(name, 'Running');
  await first.close();
  writeFileSync(`${folder}/go`, '');
  await until(async () =>
    expect(reports.some((message) => message.includes(`the status of pod default/${name}`))).toBe(true),
  );
  const second = await startKubernetes({ dataDir, port: first.port });
  onTestFinished(() => second.close());
  await world.phase(name, 'Succeeded');
  expect(await world.log(name)).toBe('over\n');
  const later = await world.createPod({ containers: [script('')] });
  await world.phase(later, 'Succeeded');
});
