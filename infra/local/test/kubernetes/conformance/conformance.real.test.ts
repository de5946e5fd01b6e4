import { expect, test } from 'vitest';
import { describeReal } from '../../../../../test/real/describe-real.ts';
import { compareAnswers } from './compare.ts';
import { readRecorded } from './recorded.ts';
import { runScenario } from './run.ts';
import { scenarios } from './scenarios.ts';

const recorded = readRecorded();

describeReal('the recorded answers are those of a real API server', (real) => {
  test.for(scenarios)('$name', async (scenario, { skip }) => {
    // The scenarios read nodes and namespaces, and wait for controllers with the pauses of a server that is all theirs.
    skip(real().isOwn, 'a cluster of your own is not touched outside of one namespace');
    const { server, access } = real();
    const token = await access.token();
    const answers = await runScenario({ server, ...(token !== undefined && { token }) }, scenario);
    const differences = scenario.steps.flatMap((step, index) =>
      compareAnswers(
        { ...step, ...(step.differs !== undefined && { code: codeAt(scenario.name, index) }) },
        answers[index],
        recorded[scenario.name]?.[index],
      ).map((each) => `${index} ${step.method} ${step.path} ${each}`),
    );
    expect(differences).toEqual([]);
  });
});

function codeAt(name: string, index: number): number {
  const answer = recorded[name]?.[index];
  return typeof answer === 'object' && answer !== null && 'code' in answer ? Number(answer.code) : 0;
}
