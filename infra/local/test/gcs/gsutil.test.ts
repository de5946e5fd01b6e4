import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { describe, expect, test } from 'vitest';
import { makeFolder, startApi } from './api.ts';
import { createRunner, isInstalled } from './command-line.ts';
import { gsutilSettings } from './settings.ts';

// gsutil speaks HTTPS only. Exit codes and outputs are those of gsutil 5.34 in a recorded session.
describe.runIf(isInstalled('gsutil'))('gsutil', () => {
  async function start() {
    const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 });
    const api = await startApi({ tls: { key: pem.private, cert: pem.cert } });
    const folder = makeFolder();
    const gsutil = createRunner('gsutil', folder, gsutilSettings(folder, api.url));
    return { folder, gsutil };
  }

  test('cp, ls, cat, mv and rm', async () => {
    const { folder, gsutil } = await start();
    writeFileSync(join(folder, 'f.txt'), 'hello\n');
    expect(await gsutil('cp', 'f.txt', 'gs://bkt/d/f.txt')).toMatchObject({ code: 0 });
    expect(await gsutil('cat', 'gs://bkt/d/f.txt')).toMatchObject({ code: 0, out: 'hello\n' });
    const condition = ['-h', 'x-goog-if-generation-match:0'];
    expect(await gsutil(...condition, 'cp', 'f.txt', 'gs://bkt/d/f.txt')).toMatchObject({
      code: 1,
      err: expect.stringContaining('PreconditionException: 412'),
    });
    expect(await gsutil('mv', 'gs://bkt/d/f.txt', 'gs://bkt/d/g.txt')).toMatchObject({ code: 0 });
    expect(await gsutil('ls', 'gs://bkt/d/')).toMatchObject({ code: 0, out: 'gs://bkt/d/g.txt\n' });
    expect(await gsutil('rm', 'gs://bkt/d/g.txt')).toMatchObject({ code: 0 });
  });

  test('cp of a large file, up and down', async () => {
    const { folder, gsutil } = await start();
    const bytes = randomBytes(20_000_000);
    writeFileSync(join(folder, 'big.bin'), bytes);
    expect(await gsutil('cp', 'big.bin', 'gs://bkt/big.bin')).toMatchObject({ code: 0 });
    expect(await gsutil('cp', 'gs://bkt/big.bin', 'down.bin')).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, 'down.bin')).equals(bytes)).toBe(true);
  });
});

if (!isInstalled('gsutil')) {
  test.skip('gsutil is not on the PATH: install the Google Cloud CLI to try it on the embedded Cloud Storage', () => {});
}
