import type { ReleaseCluster } from '../../src/cluster/release-port.ts';

/** What a killed process does not live to handle. */
export class Killed extends Error {}

const WRITES: ReadonlySet<string> = new Set([
  'createObject',
  'replaceObject',
  'deleteObject',
  'replaceManagedFields',
  'createJob',
  'deleteJob',
]);

const isDryRun = (options: unknown): boolean =>
  typeof options === 'object' && options !== null && 'dryRun' in options && options.dryRun === true;

const isWrite = (name: string, args: readonly unknown[]): boolean =>
  WRITES.has(name) || (name === 'applyObject' && !isDryRun(args[1]));

export interface Killer {
  readonly cluster: ReleaseCluster;
  /** Writes begun so far. */
  readonly writes: () => number;
}

/**
 * `cluster` in a process that ends at its `at`-th write: before the request is sent, or after it was carried out and
 * before its answer arrives. Nothing is sent after that.
 */
export const createKiller = (
  cluster: ReleaseCluster,
  at = Number.POSITIVE_INFINITY,
  when: 'before' | 'after' = 'before',
): Killer => {
  let writes = 0;
  let isDead = false;
  const guard =
    (name: string, method: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      if (isDead) throw new Killed();
      if (!isWrite(name, args)) return method(...args);
      writes += 1;
      if (writes !== at) return method(...args);
      isDead = true;
      if (when === 'after') await method(...args);
      throw new Killed();
    };
  const guarded = new Proxy(cluster, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' && typeof name === 'string'
        ? guard(name, member.bind(target) as (...args: unknown[]) => unknown)
        : member;
    },
  });
  return { cluster: guarded, writes: () => writes };
};

/** `cluster` whose `at`-th write ends in an error, whether it was carried out (`after`) or not; all others succeed. */
export const createFlaky = (
  cluster: ReleaseCluster,
  at: number,
  when: 'before' | 'after',
  error: () => Error,
): ReleaseCluster => {
  let writes = 0;
  const guard =
    (name: string, method: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]) => {
      if (!isWrite(name, args)) return method(...args);
      writes += 1;
      if (writes !== at) return method(...args);
      if (when === 'after') await method(...args);
      throw error();
    };
  return new Proxy(cluster, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' && typeof name === 'string'
        ? guard(name, member.bind(target) as (...args: unknown[]) => unknown)
        : member;
    },
  });
};

/**
 * Where to kill a call of `writes` writes. Killed before a write leaves what killed after the one before it leaves, so
 * each state is met once.
 */
export const killPoints = (writes: number): readonly (readonly [at: number, when: 'before' | 'after'])[] => [
  [1, 'before'],
  ...Array.from({ length: writes }, (_, index) => [index + 1, 'after'] as const),
];
