import { parseUploadPattern } from '../../../src/values/object-pattern.ts';
import type { RoundPolicy } from '../../../src/rounds/policy.ts';
import type { Prng } from './prng.ts';
import { createPrng } from './prng.ts';

/** Everything that can go wrong; each can be switched off to find the smallest schedule that still fails. */
export const FAULTS = [
  'crash',
  'timeout',
  'echo',
  'sleep',
  'jump',
  'skew',
  'wrong-clock',
  'duplicate-events',
  'lost-events',
  're-uploads',
  'empty-uploads',
  'policy-change',
  'release-change',
  'delete-job',
  'expire-job',
  'left-pods',
  'failing-jobs',
  'odd-output',
  'cancel',
  'redrive',
  'force',
  'missing-secret',
  'poison-task',
  'second-task',
  'instances',
  'kueue',
] as const;
/** Added later. A generator of their own chooses them, so that the schedules of the seeds in the ablation stay the same. */
const LATER_FAULTS = ['lost-state', 'rewrites', 'back-dated'] as const;
export type Fault = (typeof FAULTS)[number] | (typeof LATER_FAULTS)[number];

/** One schedule: what may happen, and how long. Everything else comes from the seed's choices. */
export interface Config {
  readonly seed: number;
  readonly steps: number;
  readonly faults: ReadonlySet<Fault>;
  readonly tasks: readonly string[];
  /** A task whose reconcile always kills the instance. */
  readonly poison: string | null;
  readonly instances: number;
  readonly faultRate: number;
  /** Few kinds of faults, but often. */
  readonly focused: boolean;
  readonly skewMs: number;
  readonly pageSize: number;
  /** Jobs are born suspended, and Kueue resumes them. */
  readonly queued: boolean;
  /** Once the faults have stopped: every Job fails, or is gone the moment it ends. */
  readonly ending: 'ordinary' | 'always-fail' | 'ttl-0';
  readonly policy: RoundPolicy;
}

export const UPLOADS = parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip');
export const OUTPUT_PATHS = [
  'gs://out/{taskId}/round-{round}/attempt-{attempt}',
  'gs://out/other/{taskId}/{round}/{attempt}',
] as const;
/** The longest lifetime of an instance with a running call. Finished Jobs outlive it (docs/rounds.md). */
export const LIFE_MS = 2 * 3_600_000;
export const TTL_MS = 24 * 3_600_000;
export const WINDOWS_SEC = [3600, 5400, 10_800] as const;

/** Small numbers: conflicts are what is looked for. */
export const randomPolicy = (prng: Prng): RoundPolicy => {
  const reportGoal = prng.between(2, 5);
  return {
    uploads: UPLOADS,
    taskIdPrefix: '',
    outputPath: OUTPUT_PATHS[0],
    reportGoal,
    minReports: prng.between(1, reportGoal),
    roundTimeoutSec: prng.pick([60, 300, 1800, 7200]),
    quietPeriodSec: prng.pick([0, 0, 60, 300]),
    maxReports: reportGoal + prng.int(3),
    maxAttempts: prng.between(1, 3),
    retryBackoffSec: prng.pick([0, 30]),
    lateUpdates: prng.pick(['carry', 'drop']),
    settledWindowSec: prng.pick(WINDOWS_SEC),
  };
};

export interface ConfigOptions {
  /** Faults that are switched off whatever the seed says. */
  readonly without?: ReadonlySet<Fault>;
  /** Exactly these faults, and many of them: for rules whose breach takes a rare meeting. */
  readonly only?: readonly Fault[] | undefined;
}

/** The schedule of a seed. */
export const buildConfig = (seed: number, { without = new Set(), only }: ConfigOptions = {}): Config => {
  const prng = createPrng(seed ^ 0x5eed);
  // A third of the schedules have every fault, the rest a random part: rare ones then meet without the noise of others.
  const all = prng.chance(0.33);
  const some = FAULTS.filter(() => all || prng.chance(0.6));
  const later = createPrng(seed ^ 0x1a7e4);
  const added = LATER_FAULTS.filter(() => later.chance(all ? 0.5 : 0.3));
  const faults = new Set<Fault>((only ?? [...some, ...added]).filter((fault) => !without.has(fault)));
  const poison = faults.has('poison-task') && prng.chance(0.1) ? 'a-poison' : null;
  const second = faults.has('second-task') && (poison !== null || prng.chance(0.3));
  return {
    seed,
    steps: prng.between(150, 450),
    faults,
    tasks: [...(poison === null ? [] : [poison]), 'mnist', ...(second ? ['Task_2'] : [])],
    poison,
    instances: faults.has('instances') ? prng.between(2, 3) : 1,
    faultRate: only === undefined ? prng.pick([0.01, 0.03, 0.1]) : 0.1,
    focused: only !== undefined,
    skewMs: faults.has('skew') ? 60_000 : 0,
    pageSize: prng.pick([2, 3, 1000]),
    queued: faults.has('kueue') && prng.chance(0.3),
    ending: prng.pick(['ordinary', 'ordinary', 'always-fail', 'ttl-0']),
    policy: randomPolicy(prng),
  };
};
