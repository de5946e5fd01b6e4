import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

const isSuite = (at: TestModule | TestSuite): at is TestSuite => at.type === 'suite';

const isAllSkipped = (suite: TestSuite): boolean =>
  [...suite.children.allTests()].every((test) => test.result().state === 'skipped');

/** The note of the skip, else the name of the outermost suite that is skipped whole, else the test's own name. */
const reasonOf = (test: TestCase): string => {
  const result = test.result();
  if ('note' in result && typeof result.note === 'string') return result.note;
  const names = [test.name];
  for (let at = test.parent; isSuite(at) && isAllSkipped(at); at = at.parent) names.push(at.name);
  return names.find((name) => /skipped:|not on the PATH|^set /.test(name)) ?? names.at(-1) ?? test.name;
};

/**
 * After a run: one line for each reason for which tests were skipped, with their number, so that a machine that lacks
 * something says what, and how to get it.
 */
// oxlint-disable-next-line import/no-default-export -- vitest takes a reporter as a module's default export, a class
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons = modules.flatMap((module) => [...module.children.allTests('skipped')].map(reasonOf));
    const counts = Map.groupBy(reasons, (reason) => reason);
    if (counts.size > 0) process.stdout.write('\nSkipped:\n');
    for (const [reason, tests] of counts) process.stdout.write(`  ${String(tests.length).padStart(4)}  ${reason}\n`);
  }
}
