import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Closable {
  close(): Promise<unknown>;
}

/** What a section has started: all of it ends with the section, however that ends. */
export interface Scope {
  keep<T extends Closable>(part: T): T;
  /** A new temporary folder. */
  folder(): string;
  /** Last started, first ended. What cannot be ended does not keep the others from it. */
  close(): Promise<void>;
}

const CLOSE_MS = 15_000;

/** Resolves with `work`, or after `withinMs` without it: a part that hangs must not keep the bench from its end. */
const within = async (work: Promise<unknown>, withinMs: number): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, withinMs);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
};

/** A scope with nothing in it. What is kept after its end is ended at once. */
export const createScope = (): Scope => {
  const parts: Closable[] = [];
  let isClosed = false;
  const keep = <T extends Closable>(part: T): T => {
    if (isClosed) void within(part.close(), CLOSE_MS);
    else parts.push(part);
    return part;
  };
  return {
    keep,
    folder: () => {
      const path = mkdtempSync(join(tmpdir(), 'tensorio-bench-'));
      keep({ close: async () => rmSync(path, { recursive: true, force: true }) });
      return path;
    },
    close: async () => {
      isClosed = true;
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) await within(part.close(), CLOSE_MS);
    },
  };
};
