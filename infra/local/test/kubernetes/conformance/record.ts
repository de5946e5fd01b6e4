/** Records how a real API server answers the scenarios: `node infra/local/test/kubernetes/conformance/record.ts`. */
import { startRealCluster } from '../../../../../test/real/cluster.ts';
import { writeRecorded } from './recorded.ts';
import { runScenario } from './run.ts';
import { scenarios } from './scenarios.ts';

const cluster = await startRealCluster();
try {
  const recorded: Record<string, readonly unknown[]> = {};
  for (const scenario of scenarios) recorded[scenario.name] = await runScenario(cluster, scenario);
  writeRecorded(recorded);
} finally {
  await cluster.close();
}
