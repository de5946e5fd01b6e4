import { randomBytes } from 'node:crypto';
import type { RawApi } from '../contracts/raw-api.ts';

/** The namespace and user of a function, and the clients that act as kubelet and as another user. */
export interface Workplace {
  readonly admin: RawApi;
  readonly namespace: string;
  readonly kubeconfig: string;
  /** A user without rights: a function that is killed before it can do what it recorded. */
  readonly strangerKubeconfig: string;
}

/** One operation of a function. Throws the function's error, or the error that it reported. */
export interface Work {
  readonly name: string;
  readonly run: (place: Workplace) => Promise<void>;
}

export const newId = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;

export const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

/** Polls `look` until it returns a value; throws after 20 s. */
export const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  const endsAt = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endsAt) throw new Error(`not true after 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** Performs all operations concurrently; returns the error messages. */
export const doAll = async (work: readonly Work[], place: Workplace): Promise<readonly string[]> => {
  const ends = await Promise.allSettled(work.map(({ run }) => run(place)));
  return ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
};
