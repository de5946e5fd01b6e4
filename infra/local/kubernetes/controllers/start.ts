import type { Cluster } from '../cluster.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { createDeploymentController } from './deployment-controller.ts';
import { createEndpointSliceController } from './endpoint-slice-controller.ts';
import { createGarbageCollector } from './garbage-collector.ts';
import { createJobController } from '../job-controller.ts';
import { createNamespaceController, ensureNamespaces } from './namespace-controller.ts';
import { createOwners } from './owners.ts';
import { createReplicaSetController } from './replica-set-controller.ts';

export interface ControllerOptions {
  readonly jobBackoffMs: number;
}

/** Starts everything that acts by itself: garbage collection, namespaces, Jobs, Deployments, endpoints. */
export function startControllers(cluster: Cluster, options: ControllerOptions): Controller {
  ensureNamespaces(cluster);
  const owners = createOwners(cluster.store);
  const forgetOwners = cluster.store.subscribe((event) => owners.learn(event));
  const context: ControllerContext = {
    cluster,
    owners,
    report: (key, error) =>
      process.stderr.write(
        `kubernetes: ${key}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      ),
  };
  const controllers = [
    createGarbageCollector(context),
    createNamespaceController(context),
    createJobController(context, { backoffBaseMs: options.jobBackoffMs }),
    createDeploymentController(context),
    createReplicaSetController(context),
    createEndpointSliceController(context),
  ];
  return {
    close: () => {
      forgetOwners();
      for (const controller of controllers) controller.close();
    },
  };
}
