/**
 * `npm run zip`: packs dist/ (of `npm run build`) into infra/terraform/bundle.zip, which Terraform uploads. The same files
 * give the same bytes on every machine: their hash is the name under which they are deployed.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Zippable } from 'fflate';
import { zipSync } from 'fflate';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
const target = fileURLToPath(new URL('../terraform/bundle.zip', import.meta.url));

// A zip holds local times without a zone: given as local time, every machine writes the same.
const FIXED_TIME = new Date(1980, 0, 1);
const READABLE_FILE = 0o100644;
const UNIX = 3;

/** The archive of what is deployed of `folder`. */
export function zipFolder(folder: string): Uint8Array {
  const files: Zippable = {};
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.isFile() || !isDeployed(entry.name)) continue;
    const options = { mtime: FIXED_TIME, os: UNIX, attrs: (READABLE_FILE << 16) >>> 0, level: 9 } as const;
    files[entry.name] = [readFileSync(`${folder}/${entry.name}`), options];
  }
  return zipSync(files);
}

// What is of no use to the platform: the command line; source maps, which are large and hold the sources.
function isDeployed(name: string): boolean {
  return !name.startsWith('.') && !name.endsWith('.map') && name !== 'node_modules' && name !== 'tio.js';
}

if (process.argv[1] === import.meta.filename) {
  if (!existsSync(`${dist}index.js`)) {
    process.stderr.write('dist/ holds no bundle yet. Make it with: npm run build\n');
    process.exitCode = 1;
  } else {
    const bytes = zipFolder(dist);
    writeFileSync(target, bytes);
    const hash = createHash('sha256').update(bytes).digest('hex');
    process.stdout.write(`infra/terraform/bundle.zip: ${(bytes.length / 1e6).toFixed(1)} MB, sha256 ${hash}\n`);
  }
}
