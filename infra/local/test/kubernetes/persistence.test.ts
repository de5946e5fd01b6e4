import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  at,
  configMap,
  configMaps,
  createCaller,
  eventually,
  job,
  jobs,
  mergePatch,
  pods,
  startApi,
  textAt,
} from './api.ts';

interface Served {
  readonly url: string;
  readonly child: ChildProcess;
}

function folderFor(): string {
  const folder = mkdtempSync(join(tmpdir(), 'embedded-kubernetes-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** An embedded API in a process of its own, that can be killed. */
async function serve(dataDir: string): Promise<Served> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts'), dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const url = await eventually(() => /http:\S+/.exec(text)?.[0]);
  return { url, child };
}

function kill(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

describe('what is kept in a folder', () => {
  test('outlives kill -9 while clients write: every acknowledged write is there', async () => {
    const folder = folderFor();
    const { url, child } = await serve(folder);
    const call = createCaller(url);
    const acknowledged = new Map<string, string>();
    async function write(writer: number): Promise<void> {
      for (let count = 0; ; count += 1) {
        const answer = await call('POST', configMaps, configMap(`w${writer}-${count}`)).catch(() => undefined);
        if (answer === undefined) return;
        acknowledged.set(`w${writer}-${count}`, textAt(answer.body, 'metadata.uid'));
      }
    }
    const writers = [0, 1, 2, 3].map(write);
    await eventually(() => (acknowledged.size >= 40 ? true : undefined));
    await kill(child);
    await Promise.all(writers);

    const again = await startApi({ dataDir: folder });
    const list = await again.call('GET', configMaps);
    const items = at(list.body, 'items');
    const kept = new Map(
      (Array.isArray(items) ? items : []).map((each) => [textAt(each, 'metadata.name'), textAt(each, 'metadata.uid')]),
    );
    for (const [name, uid] of acknowledged) expect(kept.get(name)).toBe(uid);
    // At most the one write of each client that was under way when the process died is there beyond those.
    expect(kept.size - acknowledged.size).toBeLessThanOrEqual(4);
  });

  test('goes on with versions, deletions and Jobs where it stopped', async () => {
    const folder = folderFor();
    const { url, child } = await serve(folder);
    const call = createCaller(url);
    await call('POST', configMaps, configMap('stays'));
    await call('POST', configMaps, configMap('goes'));
    await call('DELETE', `${configMaps}/goes`);
    await call('POST', jobs, job('work', { backoffLimit: 0 }));
    const pod = await eventually(
      async () => textAt((await call('GET', pods)).body, 'items.0.metadata.name') || undefined,
    );
    const before = await call('GET', configMaps);
    await kill(child);

    const again = await startApi({ dataDir: folder });
    const after = await again.call('GET', configMaps);
    expect(at(after.body, 'items')).toEqual(at(before.body, 'items'));
    expect(Number(textAt(after.body, 'metadata.resourceVersion'))).toBeGreaterThanOrEqual(
      Number(textAt(before.body, 'metadata.resourceVersion')),
    );
    const written = await again.call('POST', configMaps, configMap('new'));
    expect(Number(textAt(written.body, 'metadata.resourceVersion'))).toBeGreaterThan(
      Number(textAt(before.body, 'metadata.resourceVersion')),
    );

    const status = { status: { phase: 'Succeeded' } };
    await again.call('PATCH', `${pods}/${pod}/status`, status, mergePatch);
    await eventually(async () => {
      const { body } = await again.call('GET', `${jobs}/work`);
      return JSON.stringify(body).includes('"Complete"') ? true : undefined;
    });
    expect(at((await again.call('GET', pods)).body, 'items')).toHaveLength(1);
  });

  test('a last record that was cut short is dropped', async () => {
    const folder = folderFor();
    const first = await startApi({ dataDir: folder });
    await first.call('POST', configMaps, configMap('whole'));
    await first.server.close();
    appendFileSync(join(folder, 'kubernetes.journal'), '{"entries":[{"resource":"configmaps","key":"default/torn"');
    const second = await startApi({ dataDir: folder });
    expect(at((await second.call('GET', configMaps)).body, 'items')).toMatchObject([{ metadata: { name: 'whole' } }]);
    await second.call('POST', configMaps, configMap('after'));
    await second.server.close();
    const third = await startApi({ dataDir: folder });
    expect(at((await third.call('GET', configMaps)).body, 'items')).toHaveLength(2);
  });

  test('other damage is not passed over', async () => {
    const folder = folderFor();
    const first = await startApi({ dataDir: folder });
    await first.call('POST', configMaps, configMap('a'));
    await first.server.close();
    const path = join(folder, 'kubernetes.journal');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"entries"', '"entr'));
    await expect(startApi({ dataDir: folder })).rejects.toThrow(/is damaged/);
  });

  test('a watch from before the restart gets 410 Gone', async () => {
    const folder = folderFor();
    const first = await startApi({ dataDir: folder });
    await first.call('POST', configMaps, configMap('a'));
    await first.server.close();
    const second = await startApi({ dataDir: folder });
    const watch = await second.call('GET', `${configMaps}?watch=true&resourceVersion=1&timeoutSeconds=1`);
    expect(watch.text).toContain('"code":410');
  });
});
