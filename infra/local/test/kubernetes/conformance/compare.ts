import { differences } from './normalise.ts';
import type { Step } from './step.ts';

/** What an answer has other than the one it should be like; a step's own exceptions are left out. */
export function compareAnswers(step: Step, ours: unknown, theirs: unknown): readonly string[] {
  if (step.differs !== undefined) {
    const code = step.code ?? codeOf(theirs);
    return codeOf(ours) === code ? [] : [`code ${String(codeOf(ours))} instead of ${String(code)}`];
  }
  if (codeOf(ours) !== codeOf(theirs)) return [`code ${summary(ours)} instead of ${summary(theirs)}`];
  return differences(ours, theirs).filter(
    (each) =>
      !(step.ignore ?? []).some(
        (part) => (each.split(': ')[0] ?? '').includes(part) || each.includes(`${part}: Invalid value`),
      ),
  );
}

function codeOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'code' in answer ? answer.code : undefined;
}

function summary(answer: unknown): string {
  return JSON.stringify(answer).slice(0, 500);
}
