import { buildConfig } from './config.ts';
import { runSchedule } from './run-schedule.ts';

/** Runs the schedules of `count` seeds from `first` on, every `stride`th; answers the first rule that was broken. */
export const runSeeds = async (first: number, count: number, stride: number): Promise<string | null> => {
  for (let index = 0; index < count; index += 1) {
    const seed = first + index * stride;
    const { violation } = await runSchedule(buildConfig(seed));
    if (violation !== null) {
      return `${violation.message}\nSee it: npm run simulate -- --seed ${seed} --schedules 1`;
    }
  }
  return null;
};
