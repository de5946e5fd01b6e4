import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { describeReal } from '../real/describe-real.ts';
import { findKubectls } from '../../infra/local/test/kubernetes/run-kubectl.ts';
import { KUBERNETES_FOLDER } from './roles.ts';

const canRun = findKubectls([]).length > 0 && spawnSync('bash', ['--version'], { stdio: 'ignore' }).status === 0;

/** The commands in code blocks that need only a cluster, in order. */
const lines = [
  ...readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8').matchAll(/^```sh\n(.*?)^```/gms),
]
  .flatMap(([, block = '']) => block.split('\n'))
  .filter((line) => /^(?:kubectl |cp -r infra\/kubernetes|rm sacred\.json)/.test(line));

if (!canRun) {
  test.skip('the kubectl commands of docs/deploying.md (skipped: kubectl or bash is not on the PATH)', () => undefined);
} else {
  describeReal(
    'the kubectl commands of docs/deploying.md, on a real API server',
    (real) => {
      let folder = '';
      beforeAll(() => {
        folder = mkdtempSync(join(tmpdir(), 'tensorio-readme-'));
        cpSync(KUBERNETES_FOLDER, join(folder, 'infra/kubernetes'), { recursive: true });
        // An earlier gcloud command of the document writes it from Secret Manager.
        writeFileSync(join(folder, 'sacred.json'), '{}');
      });
      afterAll(() => rmSync(folder, { recursive: true, force: true }));

      test('run in order, and end with the rights of a function', { timeout: 60_000 }, () => {
        const env = { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: real().kubeconfig };
        const run = (line: string): string =>
          execFileSync('bash', ['--norc', '-euo', 'pipefail', '-c', line], { cwd: folder, env, encoding: 'utf8' });
        expect(lines.length).toBeGreaterThan(6);
        const printed = lines.map((line) => ({ line, text: run(line) }));
        expect(printed.find(({ line }) => line.startsWith('kubectl apply -k'))?.text).toContain(
          'rolebinding.rbac.authorization.k8s.io/tio-aggregate created',
        );
        expect(printed.at(-1)?.line).toContain('auth can-i --list');
        expect(printed.at(-1)?.text).toMatch(/jobs\.batch +\[\] +\[\] +\[.*create.*\]/);
        expect(printed.at(-1)?.text).toMatch(/secrets +\[\] +\[aggregator-service-account\] +\[get\]/);
      });
    },
    { users: ['nobody'] },
  );
}
