import type { Config, ConfigOptions, Fault } from './config.ts';
import { buildConfig, FAULTS } from './config.ts';
import type { Outcome } from './run-schedule.ts';

type Run = (config: Config, withTrace?: boolean) => Promise<Outcome>;

const TRIES = 12;

const failsWithout = async (
  runSchedule: Run,
  config: Config,
  options: ConfigOptions,
  kind: string,
): Promise<Config | null> => {
  for (let offset = 0; offset < TRIES; offset += 1) {
    // Another seed plays the same faults out otherwise: without one of them, this seed may take another course.
    const candidate = buildConfig(config.seed + offset * 7919, options);
    const { violation } = await runSchedule(candidate);
    if (violation?.message.startsWith(kind) === true) return candidate;
  }
  return null;
};

/** A schedule with as few kinds of faults as possible that breaks the same rule as `config` does, and its trace. */
export const shrink = async (
  runSchedule: Run,
  config: Config,
  message: string,
  only?: readonly Fault[],
): Promise<{ config: Config; outcome: Outcome }> => {
  const kind = message.slice(0, 12);
  let smallest = config;
  let without: ReadonlySet<Fault> = new Set();
  for (const fault of FAULTS) {
    const fewer = new Set([...without, fault]);
    const candidate = await failsWithout(runSchedule, smallest, { without: fewer, only }, kind);
    if (candidate === null) continue;
    [smallest, without] = [candidate, fewer];
  }
  return { config: smallest, outcome: await runSchedule(smallest, true) };
};
