import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { expect, onTestFinished, test } from 'vitest';
import { zipFolder } from '../../infra/scripts/zip.ts';

const makeDist = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-zip-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['package.json', 'index.js', 'index.js.map', '.gcloudignore', 'LICENSE', 'tio.js']) {
    writeFileSync(join(folder, name), `${name}\n`);
  }
  return folder;
};

test('the bundle holds what is deployed, and neither source maps, dot files nor the command line', () => {
  expect(Object.keys(unzipSync(zipFolder(makeDist())))).toEqual(['LICENSE', 'index.js', 'package.json']);
});

test('equal files give equal bytes, whenever they were written and wherever they are packed', () => {
  const folder = makeDist();
  const before = Buffer.from(zipFolder(folder));
  utimesSync(join(folder, 'index.js'), new Date(0), new Date(0));
  expect(before.equals(zipFolder(folder))).toBe(true);
  const script = `import { zipFolder } from ${JSON.stringify(join(import.meta.dirname, '../../infra/scripts/zip.ts'))};
    process.stdout.write(Buffer.from(zipFolder(${JSON.stringify(folder)})).toString('base64'));`;
  const args = ['--no-warnings', '--input-type=module-typescript', '--eval', script];
  const elsewhere = execFileSync(process.execPath, args, {
    env: { ...process.env, TZ: 'Asia/Tokyo' },
    encoding: 'utf8',
  });
  expect(elsewhere).toBe(before.toString('base64'));
});
