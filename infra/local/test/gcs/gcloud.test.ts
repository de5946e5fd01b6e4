import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeFolder, startApi } from './api.ts';
import { createRunner, isInstalled } from './command-line.ts';
import { gcloudSettings } from './settings.ts';

// Exit codes and outputs are those of gcloud 528 in a recorded session.
describe.runIf(isInstalled('gcloud'))('gcloud storage', () => {
  async function start() {
    const requests: string[] = [];
    function faults({ method, path }: { method: string; path: string }) {
      return void requests.push(`${method} ${path}`);
    }
    const api = await startApi({ faults });
    const folder = makeFolder();
    const gcloud = createRunner('gcloud', folder, gcloudSettings(folder, api.url));
    function storage(...args: string[]) {
      return gcloud('storage', ...args);
    }
    return { api, folder, requests, storage };
  }

  test('cp, ls, cat, mv and rm of small files', async () => {
    const { api, folder, storage } = await start();
    mkdirSync(join(folder, 'tree', 'a'), { recursive: true });
    writeFileSync(join(folder, 'tree', 'x'), 'x\n');
    writeFileSync(join(folder, 'tree', 'a', 'y'), 'y\n');
    await api.put('other', 'kept');
    expect(await storage('cp', '-r', 'tree', 'gs://bkt/')).toMatchObject({ code: 0 });
    expect(await storage('ls', '-r', 'gs://bkt')).toMatchObject({
      code: 0,
      out: 'gs://bkt/:\ngs://bkt/other\n\ngs://bkt/tree/:\ngs://bkt/tree/x\n\ngs://bkt/tree/a/:\ngs://bkt/tree/a/y\n',
    });
    expect(await storage('cat', 'gs://bkt/tree/x')).toMatchObject({ code: 0, out: 'x\n' });
    expect(await storage('cp', '--if-generation-match=0', 'tree/x', 'gs://bkt/tree/x')).toMatchObject({
      code: 1,
      err: expect.stringContaining('HTTPError 412: At least one of the pre-conditions you specified did not hold.'),
    });
    expect(await storage('mv', 'gs://bkt/tree/x', 'gs://bkt/tree/z')).toMatchObject({ code: 0 });
    expect(await storage('rm', 'gs://bkt/tree/z')).toMatchObject({ code: 0 });
    expect(await storage('cat', 'gs://bkt/tree/z')).toMatchObject({
      code: 1,
      err: expect.stringContaining('The following URLs matched no objects or files:\ngs://bkt/tree/z'),
    });
    expect(await storage('rm', '-r', 'gs://bkt/tree')).toMatchObject({ code: 0 });
    expect((await api.send('GET', '/storage/v1/b/bkt/o?fields=items/name')).json).toEqual({
      items: [{ name: 'other' }],
    });
  });

  test('cp of a large file, up by a resumable upload and down', async () => {
    const { folder, storage, requests } = await start();
    const bytes = randomBytes(20_000_000);
    writeFileSync(join(folder, 'big.bin'), bytes);
    expect(await storage('cp', 'big.bin', 'gs://bkt/big.bin')).toMatchObject({ code: 0 });
    expect(requests.some((line) => line.startsWith('POST /resumable/upload/storage/v1/b/bkt/o?'))).toBe(true);
    expect(await storage('cp', 'gs://bkt/big.bin', 'down.bin')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'down.bin')).equals(bytes)).toBe(true);
  });
});

if (!isInstalled('gcloud')) {
  test.skip('gcloud is not on the PATH: install the Google Cloud CLI to try it on the embedded Cloud Storage', () => {});
}
