import { describe, expect, test } from 'vitest';
import { startKubernetes } from '../../../kubernetes/server.ts';
import { compareAnswers } from './compare.ts';
import { readRecorded } from './recorded.ts';
import { runScenario } from './run.ts';
import { scenarios } from './scenarios.ts';

// What a real API server answered; conformance.real.test.ts asks one again.
const recorded = readRecorded();

describe('the embedded API answers as the recorded real one', () => {
  test.for(scenarios)('$name', async (scenario, { onTestFinished }) => {
    const kubernetes = await startKubernetes({ jobBackoffMs: 10 });
    onTestFinished(() => kubernetes.close());
    const answers = await runScenario({ server: kubernetes.url }, scenario);
    const differences = scenario.steps.flatMap((step, index) =>
      compareAnswers(step, answers[index], recorded[scenario.name]?.[index]).map(
        (each) => `${index} ${step.method} ${step.path} ${each}`,
      ),
    );
    expect(differences).toEqual([]);
  });
});
