import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.ts';

/** What server-process.ts starts. */
export type ServerSpec =
  | { readonly kind: 'storage'; readonly buckets: readonly string[]; readonly dataDir?: string }
  | { readonly kind: 'kubernetes' }
  | {
      readonly kind: 'kubelet';
      readonly kubeconfig: string;
      readonly images: Readonly<
        Record<string, { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> }>
      >;
      readonly workDir: string;
    };

export type Ask = 'counts';

/** Requests that a bucket was sent so far. */
export interface Counts {
  readonly reads: number;
  readonly lists: number;
  readonly writes: number;
}

export interface Server {
  readonly url: string;
  counts(): Promise<Counts>;
}

interface Message {
  readonly url?: string;
  readonly counts?: Counts;
}

const PROGRAM = fileURLToPath(new URL('server-process.ts', import.meta.url));

/** The next message that has what `pick` looks for. Rejects when the process ends before. */
const nextMessage = <T>(child: ChildProcess, what: string, pick: (message: Message) => T | undefined): Promise<T> =>
  new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      act();
    };
    const onMessage = (message: Message): void => {
      const found = pick(message);
      if (found !== undefined) settle(() => resolve(found));
    };
    const onExit = (): void => settle(() => reject(new Error(`the ${what} ended by itself`)));
    child.on('message', onMessage);
    child.once('exit', onExit);
  });

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    return undefined;
  });

/** Starts a server of the local stack in a process of its own; it ends with the scope. */
export const startServer = async (scope: Scope, spec: ServerSpec): Promise<Server> => {
  const child = fork(PROGRAM, [JSON.stringify(spec)], { execArgv: ['--no-warnings'] });
  scope.keep({ close: () => end(child) });
  const url = await nextMessage(child, spec.kind, (message) => message.url);
  return {
    url,
    counts: () => {
      const answer = nextMessage(child, spec.kind, (message) => message.counts);
      child.send('counts' satisfies Ask);
      return answer;
    },
  };
};

/** What was sent between two counts. */
export const sentBetween = (before: Counts, after: Counts): Counts => ({
  reads: after.reads - before.reads,
  lists: after.lists - before.lists,
  writes: after.writes - before.writes,
});
