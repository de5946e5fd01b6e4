// node test/rounds/simulation/ablate.ts [--part I/N] [--most N] [--rule TEXT]: one line of JSON per rule.
import { parseArgs } from 'node:util';
import type { Ablation } from './ablation.ts';
import { ABLATIONS } from './ablation.ts';
import { buildConfig } from './config.ts';
import { loadWithout } from './load-without.ts';

/** What became of a rule that was taken out. */
export interface Ablated {
  readonly rule: string;
  /** The seed whose schedule failed; `null`: none did. */
  readonly seed: number | null;
  readonly schedules: number;
  readonly violation: string;
}

const { values } = parseArgs({
  options: {
    part: { type: 'string', default: '0/1' },
    most: { type: 'string', default: '2000' },
    rule: { type: 'string', default: '' },
  },
});

const NEAR = 3;

/** The seed that failed when the table was written, its neighbours, then from the first on. */
const seedsOf = ({ seed = 1 }: Ablation, most: number): readonly number[] => [
  ...Array.from({ length: NEAR }, (_, index) => seed + index),
  ...Array.from({ length: most }, (_, index) => index + 1),
];

const run = async (ablation: Ablation): Promise<Ablated> => {
  const { runSchedule } = await loadWithout(ablation);
  let schedules = 0;
  for (const seed of seedsOf(ablation, Number(values.most))) {
    schedules += 1;
    const { violation } = await runSchedule(buildConfig(seed, { only: ablation.faults }));
    if (violation !== null) return { rule: ablation.rule, seed, schedules, violation: violation.message.slice(0, 200) };
  }
  return { rule: ablation.rule, seed: null, schedules, violation: '' };
};

const [part = 0, parts = 1] = values.part.split('/').map(Number);
for (const [index, ablation] of ABLATIONS.entries()) {
  if (index % parts !== part || !ablation.rule.includes(values.rule)) continue;
  console.log(JSON.stringify(await run(ablation)));
}
