import { join } from 'node:path';
import { expand } from './expand.ts';
import type { Container } from './types.ts';

export interface Mount {
  readonly mountPath: string;
  /** Where it really is: a folder, or a file with `subPath`. */
  readonly target: string;
}

/** The container's mounts, longest path first. `volumeDir` says where a volume's files are. */
export function buildMounts(
  container: Container,
  env: ReadonlyMap<string, string>,
  volumeDir: (volume: string) => string,
): readonly Mount[] {
  return (container.volumeMounts ?? [])
    .map(({ mountPath, name, subPath, subPathExpr }) => {
      const inside = subPathExpr === undefined ? (subPath ?? '') : expand(subPathExpr, env);
      if (inside.split('/').includes('..')) throw new Error(`subPath "${inside}" leaves the volume`);
      return { mountPath: mountPath.replace(/(?<=.)\/+$/, ''), target: join(volumeDir(name), inside) };
    })
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length);
}

/**
 * A process has no mount namespace: it sees the machine's own files. So a value that begins with a mountPath (`/var/secrets/key.json`), and
 * the value of an argument `--flag=/var/secrets/key.json`, is rewritten to where the volume really is. A path that the program has built in
 * is out of reach.
 */
export function mapPaths(value: string, mounts: readonly Mount[]): string {
  const [, flag = '', path = value] = /^(--?[\w.-]+=)(.*)$/s.exec(value) ?? [];
  return flag + mapOne(path, mounts);
}

function mapOne(value: string, mounts: readonly Mount[]): string {
  const mount = mounts.find(({ mountPath }) => value === mountPath || value.startsWith(`${mountPath}/`));
  return mount === undefined ? value : mount.target + value.slice(mount.mountPath.length);
}
