import { buildConfig } from './config.ts';
import { runSchedule } from './run-schedule.ts';

const seed = Number(process.argv[2] ?? 1),
  n = Number(process.argv[3] ?? 100);
const t = performance.now();
let steps = 0,
  rounds = 0,
  uploads = 0,
  bad = 0;
if (process.argv[4]) {
  const o = await runSchedule(buildConfig(seed), true);
  console.log(o.trace.join('\n'));
  process.exit();
}
for (let i = 0; i < n; i++) {
  const out = await runSchedule(buildConfig(seed + i));
  steps += out.steps;
  rounds += out.rounds;
  uploads += out.uploads;
  if (out.violation) {
    bad++;
    console.log(seed + i, out.violation.message.slice(0, 300));
    if (bad > 5) break;
  }
}
console.log({ ms: (performance.now() - t) / n, steps: steps / n, rounds: rounds / n, uploads: uploads / n, bad });
