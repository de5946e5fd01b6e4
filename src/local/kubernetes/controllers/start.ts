import type { Cluster } from '../cluster.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { createGarbageCollector } from './garbage-collector.ts';
import { createNamespaceController, ensureNamespaces } from './namespace-controller.ts';

export interface ControllerOptions {
  readonly jobBackoffMs: number;
}

/** Starts everything that acts by itself: garbage collection, namespaces, Jobs. */
export const startControllers = (cluster: Cluster, _options: ControllerOptions): Controller => {
  ensureNamespaces(cluster);
  const context: ControllerContext = {
    cluster,
    report: (key, error) =>
      process.stderr.write(
        `kubernetes: ${key}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      ),
  };
  const controllers = [createGarbageCollector(context), createNamespaceController(context)];
  return {
    close: () => {
      for (const controller of controllers) controller.close();
    },
  };
};
