import type { V1ContainerStateTerminated, V1Pod } from '@kubernetes/client-node';
import type { JobFacts } from './facts.ts';
import { containerStatuses, trueCondition } from './facts.ts';

/** How a container ended, with the container's name. */
interface ContainerEnd extends Pick<V1ContainerStateTerminated, 'exitCode'> {
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly finishedAt: Date | undefined;
  readonly container: string;
}

/** The failure of the newest pod that has one: of its containers the first to fail, which often ends the others. */
export function failureOf(pods: readonly V1Pod[]): ContainerEnd | undefined {
  for (const pod of pods.toReversed()) {
    const failures = containerStatuses(pod).flatMap(({ name, state, lastState }): ContainerEnd[] => {
      const end = state?.terminated ?? lastState?.terminated;
      if (end === undefined || end.exitCode === 0) return [];
      const { exitCode, reason, message, finishedAt } = end;
      return [{ exitCode, reason, message, finishedAt, container: name }];
    });
    const [first] = failures.toSorted((a, b) => finish(a) - finish(b));
    if (first !== undefined) return first;
  }
  return undefined;
}

function finish({ finishedAt }: ContainerEnd): number {
  return finishedAt === undefined ? 0 : new Date(finishedAt).getTime();
}

/** The newest failure of a failed Job. While a Job runs, only its newest pod counts: an earlier failure is no longer the cause. */
export function failureNow(facts: JobFacts): ContainerEnd | undefined {
  return failureOf(trueCondition(facts.job, 'Failed') === undefined ? facts.pods.slice(-1) : facts.pods);
}

// 128 + the signal: https://tldp.org/LDP/abs/html/exitcodes.html
const SIGNALS: Readonly<Record<number, string>> = {
  137: 'SIGKILL: it was killed from outside, for example because its node ran out of memory or was shut down',
  139: 'SIGSEGV: it accessed memory that is not its own, a fault of the image',
  143: 'SIGTERM: it was asked to end, for example because its pod was deleted',
};

export function exitWords({ exitCode, reason, message }: ContainerEnd): string {
  const notes = [reason === 'Error' ? undefined : reason, SIGNALS[exitCode]].filter((note) => note !== undefined);
  return `with exit code ${exitCode}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}.${lastLine(message)}`;
}

function lastLine(text: string | undefined): string {
  const line = (text ?? '').trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : ` Its last line: ${line.slice(0, 500)}`;
}
