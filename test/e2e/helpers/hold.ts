import { expect } from 'vitest';
import type { FunctionProcess } from '../../../infra/local/function-process.ts';
import type { Decide, Passing, Proxy } from './proxy.ts';
import { until } from './until.ts';

/** Where a call is held: at its nth write, before the server carries it out or after, but before the answer. */
export interface HoldPoint {
  /** Stands in the path or the body of the call's writes, and in those of no other call. */
  readonly mark: string;
  readonly write: number;
  readonly when: 'before' | 'after';
}

/** Functions and what stands between them and their servers. */
export interface Killable<Name extends string> {
  readonly functions: Readonly<Record<Name, FunctionProcess>>;
  readonly proxies: Readonly<Record<string, Proxy>>;
}

export const isMarked = ({ path, body }: Passing, mark: string): boolean =>
  decodeURIComponent(path).includes(mark) || body.includes(mark);

/**
 * Holds each call at its point; once all are there, kills the function with SIGKILL, drops what was held and starts the
 * function again. `calls` are started after the traps are laid; that their connections break is of no interest.
 */
export const killAt = async <Name extends string>(
  world: Killable<Name>,
  name: Name,
  points: readonly HoldPoint[],
  calls: () => readonly Promise<unknown>[],
): Promise<void> => {
  const killed = Promise.withResolvers<void>();
  const held = new Set<string>();
  const writes = new Map<string, number>();
  const decide: Decide = async (passing) => {
    const point = passing.isWrite ? points.find(({ mark }) => isMarked(passing, mark)) : undefined;
    if (point === undefined) return 'pass';
    const count = (writes.get(point.mark) ?? 0) + 1;
    writes.set(point.mark, count);
    if (count !== point.write) return 'pass';
    if (point.when === 'after') {
      return {
        afterwards: () => {
          held.add(point.mark);
          return killed.promise;
        },
      };
    }
    held.add(point.mark);
    await killed.promise;
    return 'refuse';
  };
  for (const proxy of Object.values(world.proxies)) proxy.decide(decide);
  try {
    const ended = Promise.allSettled(calls());
    await until(() => expect([...held].toSorted()).toEqual(points.map(({ mark }) => mark).toSorted()));
    await world.functions[name].kill();
    killed.resolve();
    await ended;
  } finally {
    killed.resolve();
    for (const proxy of Object.values(world.proxies)) proxy.decide();
  }
  await world.functions[name].start();
};
