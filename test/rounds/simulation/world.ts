import type { RoundPolicy } from '../../../src/rounds/policy.ts';
import type { RoundsContext } from '../../../src/rounds/task-context.ts';
import type { MemoryCluster } from '../../helpers/memory-cluster.ts';
import type { MemoryStore } from '../../helpers/memory-store.ts';
import type { Config, Fault } from './config.ts';
import type { Prng } from './prng.ts';
import type { Truth } from './truth.ts';

/** One running copy of the service, with caches of its own. */
export interface Instance {
  readonly name: string;
  readonly skewMs: number;
  alive: boolean;
  /** The values as this instance last read them. */
  policy: RoundPolicy;
  release: string;
  /** The step at which it last began to read a task's ledger. */
  readonly reconciles: Map<string, number>;
  /** With the values as this instance last read them. */
  readonly deps: RoundsContext;
}

/** A remote operation that was sent and has not been carried out yet. */
export interface Op {
  readonly instance: Instance | null;
  readonly label: string;
  readonly sinceMs: number;
  readonly wakeMs: number;
  readonly run: () => void;
}

/** An event on its way to an instance. */
export interface Delivery {
  readonly taskId: string;
  readonly dueMs: number;
}

/** A rule that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface World {
  readonly config: Config;
  readonly prng: Prng;
  readonly store: MemoryStore;
  readonly cluster: MemoryCluster;
  readonly truth: Truth;
  readonly log: (line: () => string) => void;
  nowMs: number;
  step: number;
  /** False once the faults have stopped. */
  faulty: boolean;
  secretMissing: boolean;
  policy: RoundPolicy;
  release: string;
  instances: Instance[];
  ops: Op[];
  deliveries: Delivery[];
  /** Instances made so far, for their names. */
  births: number;
  /** Names of Jobs that were created to run. */
  readonly createdJobs: Set<string>;
  violation: Violation | null;
}

/** Whether `fault` may happen now. */
export const may = (world: World, fault: Fault): boolean => world.faulty && world.config.faults.has(fault);

/** Notes the first rule that was broken. */
export const violate = (world: World, message: string): void => {
  world.log(() => `VIOLATION ${message}`);
  world.violation ??= new Violation(message);
};
