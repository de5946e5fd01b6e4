import { randomBytes } from 'node:crypto';
import type { RawApi } from '../contracts/raw-api.ts';

/** Where a function works, as whom, and the hand that plays kubelet and stranger. */
export interface Workplace {
  readonly admin: RawApi;
  readonly namespace: string;
  readonly kubeconfig: string;
  /** Of a user without rights: a function that dies before it can do what it has written down. */
  readonly strangerKubeconfig: string;
}

/** One thing that a function does. Throws what the function throws, or what it says in place of doing it. */
export interface Work {
  readonly name: string;
  readonly run: (place: Workplace) => Promise<void>;
}

export const newId = (prefix: string): string => `${prefix}${randomBytes(4).toString('hex')}`;

export const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

/** What `look` finds, once it finds something; throws after 20 s. */
export const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  const endsAt = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endsAt) throw new Error(`not so after 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** Does all of it side by side; answers what went wrong, in the program's words. */
export const doAll = async (work: readonly Work[], place: Workplace): Promise<readonly string[]> => {
  const ends = await Promise.allSettled(work.map(({ run }) => run(place)));
  return ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
};
