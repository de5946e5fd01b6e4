import { createMemoryCluster } from '../../helpers/memory-cluster.ts';
import { createMemoryStore } from '../../helpers/memory-store.ts';
import { ask, deliver, readCounts, tick } from './calls.ts';
import type { Config } from './config.ts';
import { LIFE_MS } from './config.ts';
import { upload } from './devices.ts';
import { createInstance } from './instance.ts';
import type { Observer } from './invariants.ts';
import { checkPods, createObserver } from './invariants.ts';
import type { Controller } from './jobs.ts';
import { createController } from './jobs.ts';
import { checkRest, isAtRest } from './liveness.ts';
import { meddle } from './people.ts';
import { createPrng } from './prng.ts';
import { crash } from './remote.ts';
import { createTruth } from './truth.ts';
import type { Instance, Violation, World } from './world.ts';
import { may } from './world.ts';

export interface Outcome {
  readonly violation: Violation | null;
  readonly steps: number;
  readonly rounds: number;
  readonly uploads: number;
  /** Empty unless asked for. */
  readonly trace: readonly string[];
}

const BEGIN_MS = Date.UTC(2026, 0, 1);
// Each sweep is ten minutes after the last, which is the longest backoff.
const SWEEP_EVERY_MS = 600_000;
// Sweeps in which nothing is started, ended or retried: with that many, what is open stays open.
const MAX_IDLE_SWEEPS = 12;

/** Lets everything run that needs no further remote operation. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const createWorld = (config: Config, trace: string[] | null): World => {
  const world: World = {
    config,
    prng: createPrng(config.seed),
    store: createMemoryStore({ now: () => new Date(world.nowMs) }),
    cluster: createMemoryCluster({ now: () => new Date(world.nowMs) }),
    truth: createTruth(),
    log: (line) =>
      void trace?.push(
        `${String(world.step).padStart(4)} ${new Date(world.nowMs).toISOString().slice(8, 23)} ${line()}`,
      ),
    nowMs: BEGIN_MS,
    step: 0,
    faulty: true,
    secretMissing: false,
    policy: config.policy,
    release: 'rel',
    instances: [],
    ops: [],
    deliveries: [],
    births: 0,
    createdJobs: new Set(),
    violation: null,
  };
  return world;
};

const passTime = (world: World): void => {
  const { prng } = world;
  let ms = prng.int(1500);
  if (may(world, 'jump') && prng.chance(0.03))
    ms = prng.int(prng.pick([600_000, 3_600_000, 7_200_000, 7_200_000, 90_000_000]));
  world.nowMs += ms;
  // No instance lives longer with a call in progress. A request that is still on its way by then is lost.
  for (const { instance, sinceMs } of world.ops) {
    if (instance !== null && world.nowMs - sinceMs > LIFE_MS) crash(world, instance, 'too old');
  }
  world.ops = world.ops.filter(({ sinceMs }) => world.nowMs - sinceMs <= LIFE_MS);
};

const livingInstance = (world: World, observer: Observer): Instance => {
  world.instances = world.instances.filter(({ alive }) => alive);
  while (world.instances.length < world.config.instances) world.instances.push(createInstance(world, observer));
  const instance = world.prng.pick(world.instances);
  if (world.prng.chance(0.5)) Object.assign(instance, { policy: world.policy, release: world.release });
  return instance;
};

const runOp = (world: World): boolean => {
  const ready = world.ops.filter(({ wakeMs }) => wakeMs <= world.nowMs);
  const op = ready[world.prng.int(ready.length)];
  if (op === undefined) return false;
  world.ops.splice(world.ops.indexOf(op), 1);
  world.log(() => op.label);
  op.run();
  return true;
};

const act = (world: World, observer: Observer, controller: Controller): void => {
  const { prng } = world;
  const due = world.deliveries.findIndex(({ dueMs }) => dueMs <= world.nowMs);
  if (due >= 0 && prng.chance(0.5)) {
    const [delivery] = world.deliveries.splice(prng.chance(0.5) ? due : prng.int(world.deliveries.length), 1);
    if (delivery !== undefined) deliver(world, livingInstance(world, observer), observer, delivery.taskId);
    return;
  }
  const choice = prng.int(20);
  if (choice < 8) upload(world);
  else if (choice < 14) controller.step();
  else if (choice < 16) tick(world, livingInstance(world, observer));
  else if (choice < (world.config.focused ? 18 : 19)) ask(world, livingInstance(world, observer), observer);
  else meddle(world, observer, controller);
};

const runFaulty = async (world: World, observer: Observer, controller: Controller): Promise<void> => {
  for (let step = 0; step < world.config.steps && world.violation === null; step += 1) {
    world.step += 1;
    passTime(world);
    if (!world.prng.chance(0.75) || !runOp(world)) act(world, observer, controller);
    checkPods(world);
    await settle();
  }
};

/** Carries out everything that is under way; Jobs go on beside it. */
const drain = async (world: World, controller: Controller): Promise<void> => {
  await settle();
  for (let guard = 0; guard < 5000 && world.violation === null; guard += 1) {
    world.step += 1;
    world.nowMs += 100;
    if (!runOp(world)) return;
    if (world.prng.chance(0.2)) controller.step();
    checkPods(world);
    await settle();
  }
};

const endFaults = (world: World): void => {
  world.log(() => 'the faults stop');
  world.faulty = false;
  world.secretMissing = false;
  world.ops = world.ops.map((op) => ({ ...op, wakeMs: world.nowMs }));
};

/** Grows with every attempt that ends and every round that starts or ends. */
const progressOf = (observer: Observer, taskId: string): number => {
  const { next, open } = observer.historyOf(taskId).ledger;
  return next * 100 + (open === null ? 50 : open.attempt);
};

const comeToRest = async (world: World, observer: Observer, controller: Controller): Promise<void> => {
  endFaults(world);
  await drain(world, controller);
  const tasks = world.config.tasks.filter((taskId) => taskId !== world.config.poison);
  let [progress, idle] = [-1, 0];
  while (idle < MAX_IDLE_SWEEPS && world.violation === null) {
    tick(world, livingInstance(world, observer));
    await drain(world, controller);
    for (let each = 0; each < 8; each += 1) controller.step();
    world.nowMs += SWEEP_EVERY_MS;
    const now = tasks.reduce((sum, taskId) => sum + progressOf(observer, taskId), 0);
    idle = now === progress ? idle + 1 : 0;
    progress = now;
    if (idle > 2 * tasks.length && tasks.every((taskId) => isAtRest(world, observer, taskId))) break;
  }
  for (const taskId of tasks) readCounts(world, livingInstance(world, observer), taskId);
  await drain(world, controller);
  for (const taskId of tasks) if (world.violation === null) await checkRest(world, observer, taskId);
};

/** Runs one schedule: first with everything that can go wrong, then without, until all is at rest. */
export const runSchedule = async (config: Config, withTrace = false): Promise<Outcome> => {
  const trace: string[] | null = withTrace ? [] : null;
  const world = createWorld(config, trace);
  const observer = createObserver(world);
  const controller = createController(world);
  await runFaulty(world, observer, controller);
  if (world.violation === null) await comeToRest(world, observer, controller);
  const histories = config.tasks.map((taskId) => observer.historyOf(taskId));
  return {
    violation: world.violation,
    steps: world.step,
    rounds: histories.reduce((sum, { manifests }) => sum + manifests.size, 0),
    uploads: config.tasks.reduce((sum, taskId) => sum + world.truth.uploads(taskId).size, 0),
    trace: trace ?? [],
  };
};
