// node test/rounds/simulation/main.ts --seed N --schedules N [--without RULE] [--faults A,B,C] [--trace] [--json]
import { parseArgs } from 'node:util';
import { ABLATIONS } from './ablation.ts';
import { buildConfig, FAULTS } from './config.ts';
import { loadWithout } from './load-without.ts';
import { shrink } from './shrink.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    schedules: { type: 'string', default: '1000' },
    without: { type: 'string' },
    faults: { type: 'string' },
    trace: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const ablation = ABLATIONS.find(({ rule }) => rule === values.without);
if (values.without !== undefined && ablation === undefined) {
  console.error(`--without is one of:\n${ABLATIONS.map(({ rule }) => `  ${rule}`).join('\n')}`);
  process.exit(2);
}
const { runSchedule } = await (ablation === undefined ? import('./run-schedule.ts') : loadWithout(ablation));

const asked = values.faults?.split(',');
const only = asked === undefined ? ablation?.faults : FAULTS.filter((fault) => asked.includes(fault));
const [seed, schedules] = [Number(values.seed), Number(values.schedules)];
const say = (line: string): void => (values.json ? undefined : console.log(line));

const report = async (failed: number, message: string): Promise<void> => {
  say(`Seed ${failed} breaks a rule: ${message}`);
  say('Looking for a smaller schedule that breaks it too ...');
  const { config, outcome } = await shrink(runSchedule, buildConfig(failed, { only }), message, only);
  const lines = values.trace ? outcome.trace : outcome.trace.slice(-80);
  say(
    [`Seed ${config.seed}, ${config.steps} steps, faults: ${[...config.faults].join(', ') || 'none'}`, ...lines].join(
      '\n',
    ),
  );
};

const startedMs = performance.now();
const sum = { schedules: 0, steps: 0, rounds: 0, uploads: 0 };
let violation: string | null = null;
for (let current = seed; current < seed + schedules && violation === null; current += 1) {
  const outcome = await runSchedule(buildConfig(current, { only }));
  sum.schedules += 1;
  sum.steps += outcome.steps;
  sum.rounds += outcome.rounds;
  sum.uploads += outcome.uploads;
  if (sum.schedules % 5000 === 0) say(`${sum.schedules} schedules ...`);
  if (outcome.violation === null) continue;
  violation = outcome.violation.message;
  if (!values.json) await report(current, violation);
}

const seconds = Math.round((performance.now() - startedMs) / 1000);
if (values.json) console.log(JSON.stringify({ ...sum, seconds, violation }));
else
  say(
    `${sum.schedules} schedules from seed ${seed}: ${sum.steps} steps, ${sum.uploads} updates, ${sum.rounds} rounds, ${seconds} s; ${violation === null ? 'no rule was broken' : 'A RULE WAS BROKEN'}.`,
  );
process.exitCode = violation === null ? 0 : 1;
