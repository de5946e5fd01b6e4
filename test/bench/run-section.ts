import type { SectionReport, Table } from './report.ts';
import type { Scope } from './scope.ts';
import { createScope } from './scope.ts';
import type { Effort, Section } from './section.ts';

/** A section that takes longer hangs, or the machine has no time for it. */
const LIMIT_MS: Record<Effort, number> = { quick: 60_000, normal: 120_000, full: 1_800_000 };
/** After so long no further section is begun. */
const TOTAL_MS: Record<Effort, number> = { quick: 120_000, normal: 300_000, full: 5_400_000 };

/** The report of a section that is not begun, or `null` while there is time. */
export const skipLate = ({ name, title, about }: Section, effort: Effort, spentMs: number): SectionReport | null => {
  if (spentMs < TOTAL_MS[effort]) return null;
  const problem = `Not begun: the others took ${Math.round(spentMs / 1000)} s on this machine. Alone: npm run bench -- --only ${name}`;
  return { name, title, about, parts: [], problem, seconds: 0 };
};

const expire = (afterMs: number) => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`it did not end within ${afterMs / 1000} s`)), afterMs);
  return { expired: promise, clear: (): void => clearTimeout(timer) };
};

/** A Ctrl-C ends what the section has started, then this process. */
const endOnSignal = (scope: Scope) => {
  let isEnding = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isEnding) return;
    isEnding = true;
    void scope.close().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    isEnding: (): boolean => isEnding,
    stopListening: (): void => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
};

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Runs a section to its end, or to its failure, which the report then tells; what it started has ended either way. */
export const runSection = async ({ name, title, about, run }: Section, effort: Effort): Promise<SectionReport> => {
  const scope = createScope();
  const parts: (Table | string)[] = [];
  const startedAt = performance.now();
  const signals = endOnSignal(scope);
  const { expired, clear } = expire(LIMIT_MS[effort]);
  let problem: string | undefined;
  try {
    await Promise.race([run({ scope, effort, add: (part) => void parts.push(part) }), expired]);
  } catch (error) {
    problem = `This could not be measured${parts.length > 0 ? ' to its end' : ''}: ${wordsOf(error)}`;
  } finally {
    clear();
    await scope.close();
    // The section failed because it was ended: the next one must not begin while this process ends.
    if (signals.isEnding()) await new Promise(() => undefined);
    signals.stopListening();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { name, title, about, parts, seconds, ...(problem !== undefined && { problem }) };
};
